package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type erasureAnswer struct {
	ID          string `json:"id"`
	Events      int    `json:"events"`
	Deliveries  int    `json:"deliveries"`
	Discarded   int    `json:"discarded"`
	EventsLeft  int    `json:"events_left"`
	MatchedHash string `json:"matched_hash"`
	ErasedBy    string `json:"erased_by"`
}

func TestErase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	account, other := f.newAccount(), f.newAccount()
	for _, one := range []string{account, other} {
		f.newWebhook(one)
		f.publish(one)
	}
	event := f.publish(account)
	search := func(account string) int {
		return len(decode[list](f.call(http.MethodGet, "/v1/deliveries?q=%2B15551234567", "", "X-Account", account), 200).Data)
	}
	erase := func(body string) erasureAnswer {
		return decode[erasureAnswer](f.call(http.MethodPost, "/v1/erasures", body, "X-Account", account), 200)
	}
	erasures := func(account string) []erasureAnswer {
		return decode[struct{ Data []erasureAnswer }](f.call(http.MethodGet, "/v1/erasures", "", "X-Account", account), 200).Data
	}
	require.Equal(t, 2, search(account))

	counted := erase(`{"match":"+15551234567","dry_run":true}`)
	require.Equal(t, erasureAnswer{Events: 2, Deliveries: 2, Discarded: 2, EventsLeft: 2}, counted)
	require.Equal(t, 2, search(account))
	require.Empty(t, erasures(account))

	erased := erase(`{"match":"+15551234567"}`)
	require.NotEmpty(t, erased.ID)
	require.Len(t, erased.MatchedHash, 64)
	require.Equal(t, erasureAnswer{ID: erased.ID, MatchedHash: erased.MatchedHash, ErasedBy: "admin", Events: 2, Deliveries: 2, Discarded: 2}, erased)
	require.Zero(t, search(account))
	require.Equal(t, 1, search(other))

	again := erase(`{"match":"+15551234567"}`)
	require.Zero(t, again.Events)
	require.Equal(t, erased.MatchedHash, again.MatchedHash)
	require.Equal(t, []erasureAnswer{again, erased}, erasures(account))
	require.Empty(t, erasures(other))

	shown := decode[struct {
		ErasedAt   *string         `json:"erased_at"`
		Payload    json.RawMessage `json:"payload"`
		Deliveries []struct {
			ID       string  `json:"id"`
			Status   string  `json:"status"`
			ErasedAt *string `json:"erased_at"`
		} `json:"deliveries"`
	}](f.call(http.MethodGet, "/v1/events/"+event.ID, "", "X-Account", account), 200)
	require.NotNil(t, shown.ErasedAt)
	require.Contains(t, string(shown.Payload), `"erased":true`)
	require.Equal(t, "discarded", shown.Deliveries[0].Status)
	require.NotNil(t, shown.Deliveries[0].ErasedAt)

	// There is nothing to send any more.
	const said = "; there is nothing to send."
	id := shown.Deliveries[0].ID
	require.Contains(t, requireProblem(f.call(http.MethodPost, "/v1/deliveries/"+id+"/retry", "", "X-Account", account), 409, "conflict", nil).Detail, said)
	body := `{"webhook_id":"` + f.newWebhook(account).ID + `"}`
	require.Contains(t, requireProblem(f.call(http.MethodPost, "/v1/events/"+event.ID+"/republish", body, "X-Account", account), 409, "conflict", nil).Detail, said)
}

func TestEraseRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for body, fields := range map[string]map[string]string{
		`{}`:           {"/match": "is missing"},
		`{"match":""}`: {"/match": "is missing"},
		`{"match":"` + strings.Repeat("x", 257) + `"}`: {"/match": "at most 256 bytes"},
	} {
		requireProblem(f.call(http.MethodPost, "/v1/erasures", body), 422, "invalid", fields)
	}
	for _, body := range []string{`{"match":1}`, `{"match":"x","all":true}`} {
		require.Equal(t, 422, f.call(http.MethodPost, "/v1/erasures", body).status)
	}
	require.Zero(t, decode[erasureAnswer](f.call(http.MethodPost, "/v1/erasures", `{"match":"\u0000'"}`), 200).Events)
}
