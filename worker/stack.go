package worker

import "go.temporal.io/sdk/worker"

// roomy is a tuner whose workflow tasks, and the attempts inside them, make room on their stacks first.
type roomy struct{ worker.WorkerTuner }

// GetWorkflowTaskSlotSupplier returns the slots for workflow tasks.
func (r roomy) GetWorkflowTaskSlotSupplier() worker.SlotSupplier {
	return roomySlots{r.WorkerTuner.GetWorkflowTaskSlotSupplier()}
}

// GetLocalActivitySlotSupplier returns the slots for the attempts inside workflow tasks.
func (r roomy) GetLocalActivitySlotSupplier() worker.SlotSupplier {
	return roomySlots{r.WorkerTuner.GetLocalActivitySlotSupplier()}
}

type roomySlots struct{ worker.SlotSupplier }

// MarkSlotUsed is the first that a task's new goroutine calls. It has 2 to 8 KB of stack, and the runtime doubles a stack
// each time that it is full, copying it frame by frame: on the way down through the SDK and HTTP that was a tenth of
// durahook's CPU for a delivery. Here there is next to nothing to copy yet, and once is enough.
func (s roomySlots) MarkSlotUsed(info worker.SlotMarkUsedInfo) {
	growStack(0)
	s.SlotSupplier.MarkSlotUsed(info)
}

// stackOfATask is about what a task uses.
const stackOfATask = 24 << 10

//go:noinline
func growStack(at int) byte {
	var room [stackOfATask]byte // a place that isn't known beforehand, so that the compiler doesn't do without it
	return room[at]
}
