package bench

import (
	"context"
	"runtime"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/internal/version"
)

// Machine is where and with what was measured.
type Machine struct {
	CPU        string  `json:"cpu_model"`
	Cores      int     `json:"cores"`
	MemoryGB   float64 `json:"memory_gb"`
	System     string  `json:"operating_system"`
	Durahook   string  `json:"durahook_version"`
	Go         string  `json:"go_version"`
	SDK        string  `json:"temporal_sdk_version"`
	Temporal   string  `json:"temporal_server_version,omitempty"`
	PostgreSQL string  `json:"postgres_version,omitempty"`
}

// Machine describes where the benchmark runs. What cannot be found out is left out.
func (r *Rig) Machine(ctx context.Context) Machine {
	const gigabyte = 1 << 30
	m := Machine{
		Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Durahook: version.Version(), Go: runtime.Version(), SDK: temporal.SDKVersion,
	}
	if processors, err := cpu.InfoWithContext(ctx); err == nil && len(processors) > 0 {
		m.CPU = processors[0].ModelName
	}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		m.MemoryGB = float64(memory.Total) / gigabyte
	}
	if kernel, err := host.KernelVersionWithContext(ctx); err == nil {
		m.System += " " + kernel
	}
	if r.temporal != nil {
		if info, err := r.temporal.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err == nil {
			m.Temporal = info.GetServerVersion()
		}
	}
	if r.db != nil {
		if err := r.db.QueryRowContext(ctx, `SELECT current_setting('server_version')`).Scan(&m.PostgreSQL); err != nil {
			m.PostgreSQL = ""
		}
	}
	return m
}

func (m Machine) show(out *Text) {
	out.Section("measured on")
	out.Field("machine", "%s, %d cores, %.0f GB, %s", m.CPU, m.Cores, m.MemoryGB, m.System)
	out.Field("versions", "durahook %s, Temporal %s, Postgres %s, Temporal SDK %s, %s", m.Durahook, m.Temporal, m.PostgreSQL, m.SDK, m.Go)
}
