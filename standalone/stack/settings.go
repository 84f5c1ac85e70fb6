package stack

import "maps"

// postgresSettings are Postgres settings for one box that it shares with Temporal and durahook, with others on
// top. What concerns durability stays as Postgres has it.
func postgresSettings(others map[string]string) map[string]string {
	settings := map[string]string{
		"shared_buffers": "256MB", // the pages that deliveries write to; the system caches the rest
		"wal_buffers":    "16MB",
		// A page is written to the log in whole the first time that it changes after a checkpoint.
		"checkpoint_timeout": "15min",
		"max_wal_size":       "2GB",
		"jit":                "off", // no query runs for long enough
	}
	maps.Copy(settings, others)
	return settings
}
