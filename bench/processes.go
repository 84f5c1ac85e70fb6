package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// Process is a process whose CPU and memory are measured, with all processes below it that are not named
// themselves.
type Process struct {
	Name string
	PID  int32
}

// Durahook is the name of the process whose cost is durahook's own.
const Durahook = "durahook"

// usage is what processes have used until a moment, by name.
type usage struct {
	cpu    map[string]time.Duration
	memory map[string]uint64 // bytes
}

// usageOf looks at the processes. One that has ended is an error: then the figures would be wrong.
func usageOf(ctx context.Context, processes []Process) (usage, error) {
	u := usage{cpu: make(map[string]time.Duration), memory: make(map[string]uint64)}
	named := make(map[int32]bool)
	for _, p := range processes {
		named[p.PID] = true
	}
	for _, p := range processes {
		root, err := process.NewProcessWithContext(ctx, p.PID)
		if err != nil {
			return u, fmt.Errorf("process %s (%d) has ended: %w", p.Name, p.PID, err)
		}
		for _, one := range family(ctx, root, named) {
			u.add(ctx, p.Name, one)
		}
	}
	return u, nil
}

// family returns a process with those below it that are not named themselves.
func family(ctx context.Context, root *process.Process, named map[int32]bool) []*process.Process {
	all := []*process.Process{root}
	children, err := root.ChildrenWithContext(ctx)
	if err != nil { // it has none
		return all
	}
	for _, child := range children {
		if !named[child.Pid] {
			all = append(all, family(ctx, child, named)...)
		}
	}
	return all
}

// add counts a process in. One that ends at this moment counts nothing.
func (u *usage) add(ctx context.Context, name string, p *process.Process) {
	if times, err := p.TimesWithContext(ctx); err == nil {
		u.cpu[name] += time.Duration((times.User + times.System) * float64(time.Second))
	}
	if info, err := p.MemoryInfoWithContext(ctx); err == nil {
		u.memory[name] += resident(ctx, p, info)
	}
}

// resident is the memory of a process without what it shares with others, where the system says so: the
// processes of a Postgres all hold the same buffers.
func resident(ctx context.Context, p *process.Process, info *process.MemoryInfoStat) uint64 {
	const kilobyte = 1024
	maps, err := p.MemoryMapsWithContext(ctx, true)
	if err != nil || len(*maps) == 0 || (*maps)[0].Pss == 0 {
		return info.RSS
	}
	return (*maps)[0].Pss * kilobyte
}

// ProcessFigures say what a process used while it was measured.
type ProcessFigures struct {
	Name          string  `json:"name"`
	CPUS          float64 `json:"cpu_s"`
	CPUMSDelivery float64 `json:"cpu_ms_a_delivery"`
	MemoryMB      float64 `json:"memory_mb"` // in the end
}

// processFigures returns what the processes used between two looks.
func processFigures(processes []Process, before, after usage, deliveries int) []ProcessFigures {
	var figures []ProcessFigures
	for _, p := range processes {
		used := after.cpu[p.Name] - before.cpu[p.Name]
		figures = append(figures, ProcessFigures{
			Name: p.Name, CPUS: used.Seconds(), CPUMSDelivery: each(used.Seconds()*1000, deliveries),
			MemoryMB: megabytes(after.memory[p.Name]),
		})
	}
	return figures
}

func megabytes(bytes uint64) float64 {
	const megabyte = 1 << 20
	return float64(bytes) / megabyte
}

// each is a share of a total; 0 of nothing.
func each(total float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return total / float64(n)
}
