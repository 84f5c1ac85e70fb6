package filter

import (
	"errors"
	"fmt"
	"regexp"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

const (
	// bytesPerUnit is how many bytes are walked over, copied or compared for a cost of 1.
	bytesPerUnit = 10
	// statesPerUnit is how many states of a regular expression are gone through for a cost of 1.
	statesPerUnit = 200
	// zoneCost is that of looking up a time zone, which means reading a file.
	zoneCost = 100
)

// meter says what calls cost. It is used instead of CEL's own reckoning, which takes most calls on data, whose
// types it doesn't know beforehand, for equally cheap, doesn't look inside lists and maps, leaves out some loops,
// and itself takes time that grows with the square of the cost.
type meter struct {
	regexes map[string]uint64 // the number of states of each pattern
	steps   int64             // above the ID of each step of the expression
}

// cost returns what a call costs that is made with these arguments. An argument that isn't known is small.
func (m *meter) cost(function string, args []ref.Val) uint64 {
	cost := uint64(1)
	switch function {
	case operators.Equals, operators.NotEquals:
		cost += weigh(args[0], weigh(args[1], maxCost))
	case operators.In:
		cost += weighContainer(args[1]) + shallow(args[0])
	case operators.Add:
		cost += grown(args)
	case search:
		cost += m.regexCost(args[0], args[1])
	default:
		for _, arg := range args {
			cost += shallow(arg)
		}
		if len(args) == 2 && isA[types.Timestamp](args[0]) && isA[types.String](args[1]) {
			cost += zoneCost
		}
	}
	return cost
}

func isA[T ref.Val](value ref.Val) bool {
	_, ok := value.(T)
	return ok
}

// shallow is the cost of going over a text once. Lists and maps know their size.
func shallow(value ref.Val) uint64 {
	switch v := value.(type) {
	case types.String:
		return uint64(len(v)) / bytesPerUnit
	case types.Bytes:
		return uint64(len(v)) / bytesPerUnit
	default:
		return 0
	}
}

// weigh is the cost of going over all that is in a value, as far as it is below most.
func weigh(value ref.Val, most uint64) uint64 {
	cost := 1 + shallow(value)
	switch v := value.(type) {
	case traits.Lister:
		for it := v.Iterator(); cost < most && it.HasNext() == types.True; {
			cost += weigh(it.Next(), most-cost)
		}
	case traits.Mapper:
		for it := v.Iterator(); cost < most && it.HasNext() == types.True; {
			key := it.Next()
			cost += shallow(key) + weigh(v.Get(key), most-cost)
		}
	}
	return min(cost, most)
}

// weighContainer is the cost of looking for an element of a list, which is compared with all of them, or for a
// key of a map.
func weighContainer(value ref.Val) uint64 {
	if list, ok := value.(traits.Lister); ok {
		return weigh(list, maxCost)
	}
	return 0
}

// grown is the cost of a sum: of the copying, so that nothing grows beyond bounds. The results of map and filter
// grow in place.
func grown(args []ref.Val) (cost uint64) {
	if _, ok := args[0].(traits.MutableLister); ok {
		return 0
	}
	for _, arg := range args {
		cost += shallow(arg)
		if list, ok := arg.(traits.Lister); ok {
			if size, ok := list.Size().(types.Int); ok {
				cost += uint64(size) //nolint:gosec // a size is not negative
			}
		}
	}
	return cost
}

func (m *meter) regexCost(text, pattern ref.Val) uint64 {
	expression, _ := pattern.(types.String)
	in, _ := text.(types.String)
	return uint64(len(in)+1) * m.regexes[string(expression)] / statesPerUnit
}

var errRegexCost = errors.New("the text is too long for this regular expression")

// search is the function of calls of matches that have been prepared.
const search = "search"

// prepare has the pattern of a call of matches compiled once, and texts refused before they cost more than there
// is to spend: a search cannot be interrupted.
func (m *meter) prepare(call interpreter.InterpretableCall) (interpreter.InterpretableCall, error) {
	text, pattern, err := m.operands(call)
	if err != nil {
		return nil, err
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("compile regular expression: %w", err)
	}
	states, err := regexStates(pattern)
	if err != nil {
		return nil, fmt.Errorf("measure regular expression: %w", err)
	}
	m.regexes[pattern] = uint64(states) //nolint:gosec // a size is not negative
	prepared := func(args ...ref.Val) ref.Val {
		text, ok := args[0].(types.String)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		if m.regexCost(text, args[1]) > maxCost {
			return types.WrapErr(errRegexCost)
		}
		return types.Bool(compiled.MatchString(string(text)))
	}
	return interpreter.NewCall(call.ID(), search, call.OverloadID(), []interpreter.InterpretableV2{text, call.Args()[1]}, prepared), nil
}

// operands returns what a call of matches searches, and the pattern, which [checks] saw to it is written out.
func (*meter) operands(call interpreter.InterpretableCall) (text interpreter.InterpretableV2, pattern string, err error) {
	if len(call.Args()) != 2 {
		return nil, "", errors.New("matches needs a text and a regular expression")
	}
	constant, ok := call.Args()[1].(interpreter.InterpretableConst)
	if !ok {
		return nil, "", errors.New("the regular expression is not written out")
	}
	expression, ok := constant.Value().(types.String)
	if !ok {
		return nil, "", errors.New("the regular expression is no text")
	}
	return call.Args()[0], string(expression), nil
}
