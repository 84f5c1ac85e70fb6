package filter_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/filter"
	"github.com/durahook/durahook/webhook"
)

const payload = `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{
	"duration": 61, "rate": 60.5, "whole": 61.0, "outcome": "completed", "ok": true, "none": null, "negative": -7,
	"huge": 123456789012345678901234567890, "unsigned": 18446744073709551615, "infinite": 1e999, "tiny": 1e-999,
	"tags": ["vip", "de"], "items": [{"sku": "a", "price": 3}, {"sku": "b", "price": 7.5}], "empty": [], "nested": [[[]]],
	"customer": {"name": "Ada", "a.b": 1}, "time": "2025-02-02T15:00:00Z"}}`

func read(t *testing.T, payload string) filter.Event {
	t.Helper()
	e, err := filter.Read("call.ended", time.Date(2025, 2, 2, 14, 30, 0, 0, time.UTC), []byte(payload))
	require.NoError(t, err)
	return e
}

func passes(t *testing.T, expression string, e filter.Event) bool {
	t.Helper()
	f, err := filter.Compile(expression)
	require.NoError(t, err, expression)
	return f.Passes(t.Context(), e)
}

func TestPasses(t *testing.T) {
	t.Parallel()
	e := read(t, payload)
	for expression, want := range map[string]bool{
		`data.duration > 60 && data.outcome == "completed"`: true,
		`data.duration > 61`:                                          false,
		`data.duration > 60.9`:                                        true,
		`data.duration == 61.0 && data.whole == 61`:                   true,
		`data.rate > 60 && data.rate < 61 && 60 < data.rate`:          true,
		`data.whole >= 61 && data.whole <= 61`:                        true,
		`data.duration + 1 == 62 && data.duration % 2 == 1`:           true,
		`data.duration in [60, 61] && data.whole in [61]`:             true,
		`data.negative < 0 && -data.negative == 7`:                    true,
		`data.huge > 9223372036854775807`:                             true,
		`data.unsigned == 18446744073709551615u`:                      true,
		`data.unsigned > data.duration`:                               true,
		`data.infinite > data.huge && data.tiny == 0`:                 true,
		`event == "call.ended" && event.startsWith("call.")`:          true,
		`timestamp < timestamp(data.time)`:                            true,
		`timestamp(data.time) - timestamp == duration("30m")`:         true,
		`timestamp.getHours("Europe/Berlin") == 15`:                   true,
		`data.ok == true && data.none == null`:                        true,
		`"vip" in data.tags && data.tags.size() == 2`:                 true,
		`data.items.exists(i, i.price > 7)`:                           true,
		`data.items.filter(i, i.price > 3).map(i, i.sku) == ["b"]`:    true,
		`data.items.all(i, data.items.exists(j, i.sku == j.sku))`:     true,
		`data.tags.map(t, t + "!") == ["vip!", "de!"]`:                true,
		`data.tags + ["x"] == ["vip", "de", "x"]`:                     true,
		`data.customer["a.b"] == 1 && "name" in data.customer`:        true,
		`data.customer.name.matches("^A.a$")`:                         true,
		`matches(data.customer.name, "b{2,3}")`:                       false,
		`has(data.missing)`:                                           false,
		`!has(data.missing)`:                                          true,
		`string(data.duration) == "61" && int("61") == data.duration`: true,
		`true`:  true,
		`false`: false,
	} {
		require.Equal(t, want, passes(t, expression, e), expression)
	}
}

// What cannot be decided is no reason to send, nor one for the publisher to learn of.
func TestUndecidable(t *testing.T) {
	t.Parallel()
	e := read(t, payload)
	for _, expression := range []string{
		`data.missing == 1`, `data.missing.more == 1`, `data.outcome > 1`, `data.none > 1`, `data.outcome.matches("c") && data.duration.matches("6")`,
		`data.tags[7] == "vip"`, `data.duration / 0 == 1`, `int(data.outcome) == 1`, `timestamp(data.outcome) == timestamp`,
		`data.huge + 1 == 2`, `data.items.exists(i, i.none == 1)`, `data.outcome.exists(x, true)`, `data.ok && data.duration`,
		`9223372036854775807 + data.duration > 0`, `timestamp.getHours("../../etc/passwd") >= 0`, `timestamp.getHours(data.outcome) >= 0`,
	} {
		require.False(t, passes(t, expression, e), expression)
		require.False(t, passes(t, "!("+expression+")", e), expression)
	}
}

// A decision costs what it goes over, whatever CEL thinks of it: each of these would be cheap by the number of
// steps alone, and is refused at an event of the size that may be published.
func TestCostIsBounded(t *testing.T) {
	t.Parallel()
	large := read(t, `{"data":{"text":"`+strings.Repeat("x", 200<<10)+`","list":[`+strings.Repeat("1,", 20<<10)+`1],
		"lists":[`+strings.Repeat("[[],[]],", 15_000)+`0],"one":[[1]],"short":"x"}}`)
	for _, expression := range []string{
		`data.list.filter(x, false) == []`, `data.list.all(x, ` + strings.Repeat(`true || `, 200) + `true)`,
		`data.list.map(x, true ? x : 0) != []`, `data.list.exists_one(x, x == 2) == false`,
		`data.text + data.text != ""`, `data.text.size() > 0`, `data.text < data.text + "x"`, `data.text.contains("x")`,
		`data.text.matches("x{100}")`, `bytes(data.text) != b""`, `data.list.all(x, x == 1)`, `1 in data.list`, `2 in data.list == false`,
		`data == data`, `data.lists == data.lists`, `[0] in data.lists || true`, `data.list + data.list != []`,
		`data.list.map(x, data.list) != []`, `data.list.map(x, data.short).size() > 0`,
		`[data.short]` + strings.Repeat(`.map(a, a + a)`, 25) + `.size() == 1`,
		`data.one` + strings.Repeat(`.map(a, a + a)`, 25) + `.size() == 1`,
		`[` + strings.Repeat(`1,`, 300) + `1].all(a, [` + strings.Repeat(`1,`, 300) + `1].all(b, true))`,
		`[` + strings.Repeat(`1,`, 300) + `1].all(a, timestamp.getHours("Europe/Berlin") >= 0)`,
	} {
		require.False(t, passes(t, expression, large), expression)
	}
	small := read(t, `{"data":{"text":"xx","list":[1,1],"lists":[[0]],"one":[[1]],"short":"x"}}`)
	for _, expression := range []string{
		`data.text + data.text != ""`, `data.text.matches("x")`, `data == data`, `1 in data.list`, `data.list.map(x, data.list) != []`,
		`[data.short]` + strings.Repeat(`.map(a, a + a)`, 10) + `.size() == 1`, `[0] in data.lists`,
	} {
		require.True(t, passes(t, expression, small), expression)
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"":                             "is empty",
		" \n":                          "is empty",
		"data.duration >":              "line 1, column 16: the expression ends too early",
		"data.a &&\n  data.b == 1 and": `line 2, column 15: "and" is not expected here`,
		"data.a = 1":                   `line 1, column 8: "=" means nothing here`,
		"data.a == 'ü' & 1":            `line 1, column 15: "&" means nothing here`,
		"duration > 60":                "line 1, column 1: duration is not known; there are event, timestamp and data with what is in it, such as data.duration",
		"length(data.x) > 1":           "line 1, column 7: there is no function length",
		"event > 1":                    "line 1, column 7: > cannot be used with string, int",
		"event.matches(1)":             "matches cannot be used with string, int",
		"data.a":                       "line 1, column 5: the result must be true or false, not anything",
		"1 + 1":                        "line 1, column 3: the result must be true or false, not int",
		"data.flag":                    "the result must be true or false",
		"event.foo == 1":               "line 1, column 6: ",
		"data.a.matches(data.b)":       "line 1, column 20: the regular expression must be written out here",
		`data.a.matches("(")`:          "line 1, column 16: the regular expression is not right: missing closing )",
		`data.a.matches("x{1000}")`:    "line 1, column 16: the regular expression is too large",
		`data.a.matches("x{9999}")`:    "line 1, column 16: the regular expression is not right: invalid repeat count",
		`data.a.exists(a, a.exists(b, b.exists(c, c == 1)))`:                   "line 1, column 38: this loop stands inside 2 others",
		`timestamp("tomorrow") < timestamp`:                                    "line 1, column 11: ",
		`duration("1 hour") == duration("1h")`:                                 "line 1, column 10: ",
		`int("x") == 1`:                                                        "cannot be evaluated",
		"[1]" + strings.Repeat(".map(a, [a])", 150) + " == []":                 "is nested too deeply", // it would take seconds to check
		strings.Repeat("{1:", 200) + "1" + strings.Repeat("}", 200) + " == {}": "is nested too deeply",
		"data.a" + strings.Repeat(".b", 1000) + " == 1":                        "is nested too deeply",
		strings.Repeat("(", 1000):                                              "is nested too deeply",
		strings.Repeat(" ", 2048) + "true":                                     "is longer than 2048 bytes",
		"event == '\x00'":                                                      "must be text in UTF-8",
		"event == '\xff'":                                                      "must be text in UTF-8",
	} {
		_, err := filter.Compile(expression)
		requireExplained(t, err)
		require.Contains(t, err.Error(), want, expression)
	}
}

// Loops of which each goes through what the one before has left are no deeper than one.
func TestChainedLoops(t *testing.T) {
	t.Parallel()
	require.True(t, passes(t, `data.items.filter(i, i.price > 3).map(i, i.sku).filter(s, s != "x").exists(s, s == "b")`, read(t, payload)))
}

// Whether the publisher has hung up doesn't decide who gets the event.
func TestPassesWithoutPublisher(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f, err := filter.Compile(`data.items.exists(i, i.price > 7)`)
	require.NoError(t, err)
	require.True(t, f.Passes(ctx, read(t, payload)))
}

func TestReadNothing(t *testing.T) {
	t.Parallel()
	require.False(t, passes(t, `data.x == 1`, read(t, `{}`)))
	require.True(t, passes(t, `data.size() == 0`, read(t, `{"data":null}`)))
	_, err := filter.Read("call.ended", time.Now(), []byte(`[`))
	require.Error(t, err)
}

func requireExplained(t *testing.T, err error) {
	t.Helper()
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeInvalid, domain.Code)
	require.Len(t, domain.Fields, 1)
	require.Equal(t, "/filter", domain.Fields[0].Pointer)
	require.NotEmpty(t, domain.Fields[0].Detail)
	require.Less(t, len(domain.Fields[0].Detail), 2000)
}

// Whatever is written as a filter, and whatever is published, there is a decision or an explanation.
func FuzzFilter(f *testing.F) {
	for _, expression := range []string{
		`data.duration > 60 && data.outcome == "completed"`, `data.items.exists(i, i.price > 3)`, `data == data`, `data.a.matches("x{3}")`,
		`[data.a].map(a, a + a).map(a, a + a).size() == 1`, `has(data.a) ? data.a : data.b == 1`, "(", "data.", `"`, `timestamp("x") == timestamp`,
		`b"\x00" == bytes(data.a)`, `{"a": data}.a.b == 1`, `data.all(k, data[k] == dyn(1))`, `type(data.a) == int`, `1u - 2u == data.a`,
	} {
		f.Add(expression, payload)
		f.Add(expression, `{"data":{"a":[1,"x",{"b":1e400}],"b":-0.0}}`)
	}
	f.Fuzz(func(t *testing.T, expression, payload string) {
		compiled, err := filter.Compile(expression)
		if err != nil {
			requireExplained(t, err)
			return
		}
		e, err := filter.Read("call.ended", time.Unix(0, 0).UTC(), []byte(payload))
		if err != nil {
			return
		}
		compiled.Passes(t.Context(), e)
	})
}

// One filter decides on many events at the same moment, and several filters on one.
func TestPassesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	e := read(t, payload)
	const expression = `data.items.map(i, i.sku).exists(s, s.matches("^b$")) && data.duration > 60`
	f, err := filter.Compile(expression)
	require.NoError(t, err)
	other, err := filter.Compile(`data == data && data.items.filter(i, i.price > 3).size() == 1`)
	require.NoError(t, err)
	results := make(chan bool, 400)
	for range 200 {
		go func() { results <- f.Passes(t.Context(), e) }()
		go func() { results <- other.Passes(t.Context(), e) }()
	}
	for range cap(results) {
		require.True(t, <-results)
	}
}
