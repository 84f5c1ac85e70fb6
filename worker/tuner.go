package worker

import (
	"go.temporal.io/sdk/worker"

	"github.com/durahook/durahook/internal/stack"
)

// roomy is a tuner whose workflow tasks make room on their stacks first.
type roomy struct{ worker.WorkerTuner }

// GetWorkflowTaskSlotSupplier returns the slots for workflow tasks.
func (r roomy) GetWorkflowTaskSlotSupplier() worker.SlotSupplier {
	return roomySlots{r.WorkerTuner.GetWorkflowTaskSlotSupplier()}
}

type roomySlots struct{ worker.SlotSupplier }

// MarkSlotUsed is the first that a task's new goroutine calls.
func (s roomySlots) MarkSlotUsed(info worker.SlotMarkUsedInfo) {
	stack.Grow[stack.Much]()
	s.SlotSupplier.MarkSlotUsed(info)
}
