package webhook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func searchTerms(values ...string) []int64 {
	terms := []int64{}
	for _, value := range values {
		terms = append(terms, webhook.SearchTerm("acc_1", value))
	}
	return terms
}

func TestSearchTerms(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", webhook.MaxSearch/2)
	for name, scenario := range map[string]struct {
		data string
		want []string
	}{
		"nothing":            {`{}`, nil},
		"strings, numbers":   {`{"call_id":"call_abc123","duration":127,"cost":1.50,"e":-1e3}`, []string{"call_abc123", "127", "1.50", "-1e3"}},
		"nested":             {`{"a":{"b":[{"c":"x"},["y",[1]],"z"],"d":"u"},"e":"v"}`, []string{"x", "y", "1", "z", "u", "v"}},
		"names are no value": {`{"a":{},"b":[],"c":{"d":"e"},"f":"g"}`, []string{"e", "g"}},
		"neither":            {`{"a":true,"b":null,"c":"","d":false,"e":"x"}`, []string{"x"}},
		"escaped":            {`{"a":"\u002b1555\t"}`, []string{"+1555\t"}},
		"once":               {`{"a":"1","b":1,"c":["1"]}`, []string{"1"}},
		"as long as can be":  {`{"a":"` + long + `","b":"` + long + `x"}`, []string{long}},
	} {
		payload := []byte(`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":` + scenario.data + `}`)
		require.Equal(t, searchTerms(scenario.want...), webhook.SearchTerms("acc_1", payload), name)
	}
}

func TestSearchTermsAreTheFirstOnes(t *testing.T) {
	t.Parallel()
	var values, want []string
	for i := range 2 * webhook.MaxSearchTerms {
		values = append(values, fmt.Sprintf(`"%d",%d`, i, i))
		if i < webhook.MaxSearchTerms {
			want = append(want, fmt.Sprint(i))
		}
	}
	require.Equal(t, searchTerms(want...), webhook.SearchTerms("acc_1", []byte(`{"data":[`+strings.Join(values, ",")+`]}`)))
	deep := strings.Repeat("[", 5000) + `"x"` + strings.Repeat("]", 5000)
	require.Equal(t, searchTerms("x"), webhook.SearchTerms("acc_1", []byte(`{"data":`+deep+`}`)))
	require.Empty(t, webhook.SearchTerms("acc_1", []byte(`not JSON`)))
}

func TestSearchTermsAreTheAccountsOwn(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, webhook.SearchTerm("acc_1", "x"), webhook.SearchTerm("acc_2", "x"))
	require.NotEqual(t, webhook.SearchTerm("acc_1", "1x"), webhook.SearchTerm("acc_11", "x"))
	// What is stored has to be found by later versions too.
	require.Equal(t, int64(-8339369601103165565), webhook.SearchTerm("acc_1", "call_abc123"))
}
