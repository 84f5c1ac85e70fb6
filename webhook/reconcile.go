package webhook

import "time"

// Finding is a way in which a delivery's row and its workflow disagree.
type Finding string

// The findings, and what is done about each.
const (
	// FindingMissing is an open delivery without a workflow: it never started, or Temporal lost it. It is started
	// again and goes on with the rest of its schedule.
	FindingMissing Finding = "missing"
	// FindingTerminated is an open delivery whose workflow an operator terminated. It ends as cancelled.
	FindingTerminated Finding = "terminated"
	// FindingClosed is an open delivery whose workflow closed in another way. It ends as the workflow did.
	FindingClosed Finding = "closed"
	// FindingLate is a delivery whose next attempt is long due although its workflow is open: it is held up.
	// There is nothing to mend, only to be seen.
	FindingLate Finding = "late"
	// FindingStalled is a late one whose workflow waits for a task that no worker will get: Temporal lost it. The workflow
	// is deleted, so that the delivery is missing at the next look.
	FindingStalled Finding = "stalled"
	// FindingRunning is a delivery that has ended although its workflow is open. The workflow is ended.
	FindingRunning Finding = "running"
	// FindingUnknown is a workflow of a delivery that the database doesn't know. The workflow is ended.
	FindingUnknown Finding = "unknown"
)

// Findings lists all of them.
func Findings() []Finding {
	return []Finding{FindingMissing, FindingTerminated, FindingClosed, FindingLate, FindingStalled, FindingRunning, FindingUnknown}
}

// WorkflowState is where a delivery's workflow stands.
type WorkflowState string

// The states of a workflow. There is more than one run of a delivery that was retried; the last one counts.
const (
	WorkflowMissing    WorkflowState = "missing"
	WorkflowOpen       WorkflowState = "open"
	WorkflowTerminated WorkflowState = "terminated"
	WorkflowClosed     WorkflowState = "closed" // in any other way
)

// WorkflowRun is the last run of a delivery's workflow.
type WorkflowRun struct {
	State  WorkflowState
	RunID  string
	Status Status // how the delivery ended, of a closed run
	// TaskSince is since when an open run has had a task that no worker took yet; zero without one.
	TaskSince time.Time
	TaskQueue string // where its tasks wait for workers
}

// ReconcileCursor is how far a reconciliation has come. The next one goes on from there.
type ReconcileCursor struct {
	// OverdueSince and OverdueID are the last of the overdue deliveries that was looked at; zero for the beginning.
	OverdueSince time.Time `json:"overdue_since,omitzero"`
	OverdueID    string    `json:"overdue_id,omitempty"`
	// TerminatedSince is when the last look at terminated workflows began that saw all of them.
	TerminatedSince time.Time `json:"terminated_since,omitzero"`
	// RunningBefore is the start of the last open workflow that was looked at, from the newest to the oldest; zero
	// for the beginning.
	RunningBefore time.Time `json:"running_before,omitzero"`
}

// Reconciliation is what one run of the reconciler looked at, and what it found.
type Reconciliation struct {
	Checked int             `json:"checked"`
	Found   map[Finding]int `json:"found"`
	Cursor  ReconcileCursor `json:"cursor"`
}

// Find counts a finding; the empty one is that there was nothing to find.
func (r *Reconciliation) Find(f Finding) {
	if f == "" {
		return
	}
	if r.Found == nil {
		r.Found = make(map[Finding]int)
	}
	r.Found[f]++
}

// Add adds what another step looked at and found, and goes on from its cursor.
func (r *Reconciliation) Add(step Reconciliation) {
	r.Checked += step.Checked
	for _, f := range Findings() {
		for range step.Found[f] {
			r.Find(f)
		}
	}
	r.Cursor = step.Cursor
}
