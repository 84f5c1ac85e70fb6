package filter

import (
	"testing"
	"time"

	"cel.dev/cel-go/common/types/ref"
	"github.com/stretchr/testify/require"
)

// When the time is over, the next steps end the evaluation, whatever is left to spend.
func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	f, err := Compile(`[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].all(a, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(b, a + b > 1))`)
	require.NoError(t, err)
	over := make(chan struct{})
	close(over)
	e, err := Read("call.ended", time.Now(), []byte(`{}`))
	require.NoError(t, err)
	for want, done := range map[string]chan struct{}{"": nil, "the expression takes too long for this event": over} {
		b := &budget{left: maxCost, done: done, values: make([]ref.Val, f.steps)}
		_, _, err = f.program.Eval(evaluation{event: e, budget: b})
		if want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
		require.NotZero(t, b.left)
	}
}

// Every step is paid for: also those of loops that call nothing.
func TestStepsAreCounted(t *testing.T) {
	t.Parallel()
	e, err := Read("call.ended", time.Now(), []byte(`{"data":{"list":[1,2,3,4,5,6,7,8,9,10],"text":"0123456789012345678901234567890123456789"}}`))
	require.NoError(t, err)
	for expression, least := range map[string]uint64{
		`true`: 0, `event == "x"`: 2, `data.list.all(x, true)`: 20, `data.list.filter(x, false) == []`: 15,
		`data.text == data.text`: 6, `data.text + data.text == ""`: 10, `1 in data.list`: 10, `timestamp.getHours("UTC") == 1`: 100,
		`data.text.matches("x{100}")`: 20,
	} {
		f, err := Compile(expression)
		require.NoError(t, err)
		b := &budget{left: maxCost, values: make([]ref.Val, f.steps)}
		_, _, err = f.program.Eval(evaluation{event: e, budget: b})
		require.NoError(t, err)
		require.GreaterOrEqual(t, maxCost-b.left, least, expression)
	}
}
