package temporalserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/blang/semver/v4"
	_ "github.com/lib/pq" // the "postgres" driver
	"go.temporal.io/server/common/log"
	schemas "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/tools/common/schema"
)

// schemaLock is the advisory lock under which a schema is upgraded; any number will do that nobody
// else uses in these databases.
const schemaLock = 7233

// prepareDatabases makes or upgrades the schemas and puts the namespace in place, all before the
// server runs and caches it.
func prepareDatabases(ctx context.Context, p *plan) error {
	for _, s := range []struct{ database, name, version string }{
		{p.Database, "postgresql/v12/temporal", schemas.Version},
		{p.VisibilityDatabase, "postgresql/v12/visibility", schemas.VisibilityVersion},
	} {
		if err := upgradeSchema(ctx, p, s.database, s.name, s.version); err != nil {
			return fmt.Errorf("prepare the Temporal database %s: %w", s.database, err)
		}
	}
	columns, err := prepareNamespace(ctx, p)
	if err != nil {
		return fmt.Errorf("prepare the Temporal namespace %s: %w", p.Namespace, err)
	}
	if err := trimIndexes(ctx, p, columns); err != nil {
		return fmt.Errorf("prepare the Temporal database %s: %w", p.VisibilityDatabase, err)
	}
	return nil
}

// openDatabase opens one of Temporal's databases.
func openDatabase(p *plan, database string) (*sql.DB, error) {
	return sql.Open("postgres", (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(p.User, p.Password),
		Host:     p.PostgresAddr,
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}).String())
}

// lockedTx begins a transaction that no other of these runs beside.
func lockedTx(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", schemaLock); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for another upgrade: %w", err), tx.Rollback())
	}
	return tx, nil
}

// upgradeSchema brings a database to the wanted version of a schema that comes with the server. It
// happens in one transaction, so that a process that is killed leaves the old schema or the new one.
func upgradeSchema(ctx context.Context, p *plan, database, name, want string) (err error) {
	db, err := openDatabase(p, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := lockedTx(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after Commit
	target := &schemaTx{ctx: ctx, tx: tx, database: database}
	current, err := target.isCurrent(want)
	if err != nil || current {
		return err
	}
	p.progress("upgrading the database " + database + " to Temporal's schema " + want)
	if err := restoreIndexes(ctx, tx); err != nil {
		return err
	}
	if err := runSchemaTasks(target, name, want, p.logger); err != nil {
		return err
	}
	return tx.Commit()
}

// runSchemaTasks is what Temporal's own schema tool does: make the version tables, then apply what
// is newer than the version that they name.
func runSchemaTasks(target *schemaTx, name, want string, logger log.Logger) error {
	setup := &schema.SetupConfig{InitialVersion: "0.0"}
	if err := schema.NewSetupSchemaTask(target, setup, logger).Run(); err != nil {
		return fmt.Errorf("make the version tables: %w", err)
	}
	update := &schema.UpdateConfig{SchemaName: name, TargetVersion: want}
	if err := schema.NewUpdateSchemaTask(target, update, logger).Run(); err != nil {
		return fmt.Errorf("upgrade to schema %s: %w", want, err)
	}
	return nil
}

// schemaTx lets Temporal's schema tasks work in a transaction. It keeps the version in the tables
// where the server looks for it.
type schemaTx struct {
	ctx      context.Context //nolint:containedctx // schema.DB has no room for one
	tx       *sql.Tx
	database string
}

var _ schema.DB = (*schemaTx)(nil)

// isCurrent reports whether nothing needs to be done; a newer version than wanted is an error.
func (s *schemaTx) isCurrent(want string) (bool, error) {
	var made bool
	if err := s.tx.QueryRowContext(s.ctx, "SELECT to_regclass('schema_version') IS NOT NULL").Scan(&made); err != nil {
		return false, err
	}
	if !made {
		return false, nil
	}
	has, err := s.ReadSchemaVersion()
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	hasVersion, err := semver.ParseTolerant(has)
	if err != nil {
		return false, fmt.Errorf("its schema version is %q: %w", has, err)
	}
	wantVersion, err := semver.ParseTolerant(want)
	if err != nil {
		return false, fmt.Errorf("parse the wanted schema version %q: %w", want, err)
	}
	if hasVersion.GT(wantVersion) {
		return false, fmt.Errorf("a newer version of this program has made it: its schema is %s, and this version knows "+
			"up to %s; run the newer one", has, want)
	}
	return hasVersion.EQ(wantVersion), nil
}

// Exec runs one statement of a schema.
func (s *schemaTx) Exec(statement string, args ...any) error {
	// No server uses the database while it is upgraded, so an index need not be made beside other
	// work, and only without that can it be part of the transaction.
	statement = strings.Replace(statement, "CREATE INDEX CONCURRENTLY", "CREATE INDEX", 1)
	_, err := s.tx.ExecContext(s.ctx, statement, args...)
	return err
}

// CreateSchemaVersionTables makes the two tables that say which version a schema has.
func (s *schemaTx) CreateSchemaVersionTables() error {
	return s.Exec(`
CREATE TABLE IF NOT EXISTS schema_version (
  version_partition INT NOT NULL,
  db_name VARCHAR(255) NOT NULL,
  creation_time TIMESTAMP,
  curr_version VARCHAR(64),
  min_compatible_version VARCHAR(64),
  PRIMARY KEY (version_partition, db_name)
);
CREATE TABLE IF NOT EXISTS schema_update_history (
  version_partition INT NOT NULL,
  year INT NOT NULL,
  month INT NOT NULL,
  update_time TIMESTAMP NOT NULL,
  description VARCHAR(255),
  manifest_md5 VARCHAR(64),
  new_version VARCHAR(64),
  old_version VARCHAR(64),
  PRIMARY KEY (version_partition, year, month, update_time)
)`)
}

// ReadSchemaVersion returns the version, or sql.ErrNoRows when none was written yet.
func (s *schemaTx) ReadSchemaVersion() (version string, err error) {
	const query = "SELECT curr_version FROM schema_version WHERE version_partition = 0 AND db_name = $1"
	err = s.tx.QueryRowContext(s.ctx, query, s.database).Scan(&version)
	return version, err
}

// UpdateSchemaVersion writes the version.
func (s *schemaTx) UpdateSchemaVersion(version, oldestCompatible string) error {
	return s.Exec(`
INSERT INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version)
VALUES (0, $1, $2, $3, $4)
ON CONFLICT (version_partition, db_name) DO UPDATE SET
  creation_time = excluded.creation_time,
  curr_version = excluded.curr_version,
  min_compatible_version = excluded.min_compatible_version`,
		s.database, time.Now().UTC(), version, oldestCompatible)
}

// WriteSchemaUpdateLog notes an upgrade.
func (s *schemaTx) WriteSchemaUpdateLog(oldVersion, newVersion, manifestMD5, description string) error {
	now := time.Now().UTC()
	return s.Exec(`
INSERT INTO schema_update_history
  (version_partition, year, month, update_time, old_version, new_version, manifest_md5, description)
VALUES (0, $1, $2, $3, $4, $5, $6, $7)`,
		now.Year(), int(now.Month()), now, oldVersion, newVersion, manifestMD5, description)
}

// DropAllTables is never asked for here.
func (s *schemaTx) DropAllTables() error { return errors.ErrUnsupported }

// Type is what the schema tasks call such a database.
func (s *schemaTx) Type() string { return "sql" }

// Close does nothing: the transaction belongs to upgradeSchema.
func (s *schemaTx) Close() {}
