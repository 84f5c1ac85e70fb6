// Package filter decides by the expression of a webhook which events it gets: a condition in CEL, the Common
// Expression Language, over the published event. Whoever writes an expression need not be trusted: what it
// costs is bounded. It imports webhook.
package filter

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/durahook/durahook/webhook"
)

const (
	// MaxExpression is the most bytes that an expression may have.
	MaxExpression = 2 << 10
	// maxCost bounds what one decision may cost. A step costs 1, as does walking over ten bytes; it takes less than
	// a microsecond.
	maxCost = 20_000
	// maxTime ends a decision that takes much longer than its cost says.
	maxTime = 250 * time.Millisecond
	// maxDepth is how deep an expression may be: reading a deeper one may take seconds.
	maxDepth = 32
	// maxNesting is how many loops may stand inside one another.
	maxNesting = 2
)

// Filter is a condition on events. It is safe for concurrent use.
type Filter struct {
	program cel.Program
	steps   int64 // above the ID of each step
}

// Compile reads an expression: a condition over the variables event, timestamp and data. What is wrong with it
// is told as an [webhook.Error] on /filter, with line and column.
func Compile(expression string) (f *Filter, err error) {
	defer func() {
		if recover() != nil {
			f, err = nil, wrong("cannot be understood; write it in another way")
		}
	}()
	if strings.TrimSpace(expression) == "" {
		return nil, wrong("is empty; leave it out to get all events, or write a condition such as data.duration > 60")
	}
	if len(expression) > MaxExpression {
		return nil, wrong(fmt.Sprintf("is longer than %d bytes", MaxExpression))
	}
	if !utf8.ValidString(expression) || strings.ContainsRune(expression, 0) {
		return nil, wrong("must be text in UTF-8")
	}
	env, err := cel.NewEnv(
		cel.Variable("event", cel.StringType),
		cel.Variable("timestamp", cel.TimestampType),
		cel.Variable("data", cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserRecursionLimit(maxDepth),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), checks{}),
	)
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, wrong(explain(expression, issues))
	}
	meter := &meter{regexes: make(map[string]uint64)}
	program, err := env.Program(checked,
		cel.EvalOptions(cel.OptOptimize),
		cel.CustomDecoratorV2(meter.decorate),
	)
	if err != nil {
		return nil, wrong("cannot be evaluated: " + shorten(err.Error()))
	}
	return &Filter{program: program, steps: meter.steps}, nil
}

// Passes reports whether an event fulfils the condition. One that cannot be decided on, because a field is
// missing or of another type or because it would cost too much, does not.
func (f *Filter) Passes(ctx context.Context, e Event) (passes bool) {
	defer func() {
		if recover() != nil {
			passes = false
		}
	}()
	// Whether the publisher is still there must not decide who gets the event.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxTime)
	defer cancel()
	budget := &budget{left: maxCost, done: ctx.Done(), values: make([]ref.Val, f.steps)}
	result, _, err := f.program.Eval(evaluation{event: e, budget: budget})
	return err == nil && result == types.True
}

func wrong(detail string) error {
	var fields webhook.Fields
	fields.Add("/filter", detail)
	return fields.Err()
}
