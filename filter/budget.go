package filter

import (
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// budget is what is left to spend on one decision.
type budget struct {
	left   uint64
	spent  int // how often something was
	done   <-chan struct{}
	values []ref.Val // what each step, by its ID, came to when it was last taken
}

// spend takes away what a step costs. When there is not enough left, or the time is over, it ends the evaluation
// by a panic, which CEL turns into an error.
func (b *budget) spend(cost uint64) {
	const checkEvery = 64 // how often the time is looked at
	if cost > b.left {
		panic(interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded, Message: "the expression costs too much for this event"})
	}
	b.left -= cost
	if b.spent++; b.spent%checkEvery != 0 {
		return
	}
	select {
	case <-b.done:
		panic(interpreter.EvalCancelledError{Cause: interpreter.ContextCancelled, Message: "the expression takes too long for this event"})
	default:
	}
}

// budgetName is what a step finds its budget by. No expression can contain it.
const budgetName = "@budget"

// evaluation is what one evaluation of an expression sees.
type evaluation struct {
	event  Event
	budget *budget
}

// ResolveName returns the value of a variable.
func (e evaluation) ResolveName(name string) (any, bool) {
	if name == budgetName {
		return e.budget, true
	}
	value, ok := e.event.variables[name]
	return value, ok
}

// Parent returns nothing: there are no other variables.
func (evaluation) Parent() interpreter.Activation { return nil }

// decorate has each step of an expression paid for, when CEL plans how to evaluate it.
func (m *meter) decorate(step interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	m.steps = max(m.steps, step.ID()+1)
	switch s := step.(type) {
	case interpreter.InterpretableConst:
		return step, nil
	case interpreter.InterpretableAttribute:
		return paidAttribute{s}, nil
	case interpreter.InterpretableConstructor:
		if constant(s) { // CEL makes it once
			return step, nil
		}
		return paidStep{s}, nil
	case interpreter.InterpretableCall:
		if s.Function() == overloads.Matches {
			prepared, err := m.prepare(s)
			return paidCall{prepared, m}, err
		}
		return paidCall{s, m}, nil
	default:
		return paidStep{s}, nil
	}
}

func constant(c interpreter.InterpretableConstructor) bool {
	for _, value := range c.InitVals() {
		if _, ok := value.(interpreter.InterpretableConst); !ok {
			return false
		}
	}
	return true
}

// pay takes a step, for which 1 is to be paid.
func pay(step interpreter.InterpretableV2, frame *interpreter.ExecutionFrame) (ref.Val, *budget) {
	found, _ := frame.ResolveName(budgetName)
	b, ok := found.(*budget)
	if !ok { // CEL evaluates what is constant when it plans
		return step.Exec(frame), nil
	}
	b.spend(1)
	value := step.Exec(frame)
	if id := step.ID(); id >= 0 && id < int64(len(b.values)) {
		b.values[id] = value
	}
	return value, b
}

// paidStep is any step.
type paidStep struct{ interpreter.InterpretableV2 }

// Exec takes the step.
func (s paidStep) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	value, _ := pay(s.InterpretableV2, frame)
	return value
}

// Eval is Exec without a frame.
func (s paidStep) Eval(a interpreter.Activation) ref.Val { return s.Exec(interpreter.AsFrame(a)) }

// paidAttribute is a variable, or something in it, or a choice by a condition.
type paidAttribute struct {
	interpreter.InterpretableAttribute
}

// AddQualifier goes deeper into the variable.
func (s paidAttribute) AddQualifier(q interpreter.Qualifier) (interpreter.Attribute, error) {
	_, err := s.InterpretableAttribute.AddQualifier(q)
	return s, err
}

// Exec takes the step.
func (s paidAttribute) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	value, _ := pay(s.InterpretableAttribute, frame)
	return value
}

// Eval is Exec without a frame.
func (s paidAttribute) Eval(a interpreter.Activation) ref.Val { return s.Exec(interpreter.AsFrame(a)) }

// paidCall is the call of a function or an operator.
type paidCall struct {
	interpreter.InterpretableCall
	meter *meter
}

// Exec makes the call. What it costs beyond a step is known only then.
func (s paidCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	value, b := pay(s.InterpretableCall, frame)
	if b == nil {
		return value
	}
	args := make([]ref.Val, len(s.Args()))
	for i, arg := range s.Args() {
		if c, ok := arg.(interpreter.InterpretableConst); ok {
			args[i] = c.Value()
		} else if id := arg.ID(); id >= 0 && id < int64(len(b.values)) {
			args[i] = b.values[id]
		}
	}
	b.spend(s.meter.cost(s.Function(), args))
	return value
}

// Eval is Exec without a frame.
func (s paidCall) Eval(a interpreter.Activation) ref.Val { return s.Exec(interpreter.AsFrame(a)) }
