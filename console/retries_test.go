package console_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/durahook/durahook/webhook"
)

func TestSelectingManyNeedsNoScript(t *testing.T) {
	t.Parallel()
	s := &fakeService{deliveries: []webhook.Delivery{delivery(nil), delivery(nil)}}
	v := signedIn(t, s)
	got := v.get("/console/deliveries?status=exhausted")
	assert.Len(t, got.page.Find("tbody td.pick input[type=checkbox][name=id][form=retry]").Nodes, 2)
	assert.Equal(t, s.deliveries[0].ID, got.attr("tbody tr:first-child input", "value"))
	assert.Equal(t, "Select call.ended, 14:30:05", got.attr("tbody tr:first-child input", "aria-label"))
	assert.Equal(t, "/console/deliveries/retry", got.attr("#retry button[data-busy]", "formaction"))
	assert.Len(t, got.page.Find("#retry label[hidden], #retry [type=reset][hidden]").Nodes, 2, "what only a script can do isn't offered without one")

	form := url.Values{"id": {"dlv_b", "dlv_a", "dlv_b"}, "back": {"/console/deliveries?status=exhausted"}}
	got = v.post("/console/deliveries/retry", form)
	assert.Equal(t, http.StatusSeeOther, got.status)
	assert.Equal(t, "/console/deliveries?status=exhausted", got.header.Get("Location"))
	assert.ElementsMatch(t, []string{"dlv_a", "dlv_b"}, s.retried)
	assert.Equal(t, "✓ Retrying 2 deliveries now.", v.get("/console/deliveries").text("#notice.good p"))

	stranger := visit(t, s, adminKey)
	assert.Contains(t, stranger.post("/console/deliveries/retry", form).header.Get("Location"), "/console/sign-in")
	assert.Len(t, s.retried, 2)
}

func TestWhoMayNotManageSelectsNothing(t *testing.T) {
	t.Parallel()
	s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}}
	v := signedInWith(t, s, webhook.ScopeRead)
	assert.Empty(t, v.get("/console/deliveries").page.Find("[type=checkbox], #retry").Nodes)
	assert.Equal(t, http.StatusForbidden, v.post("/console/deliveries/retry", url.Values{"id": {"dlv_a"}}).status)
	assert.Empty(t, s.retried)
}

func TestRetryingManyOfWhichSomeCannotBe(t *testing.T) {
	t.Parallel()
	disabled := &webhook.Error{Code: webhook.CodeConflict, Message: "The webhook is disabled."}
	down := errors.Join(&webhook.Error{Code: webhook.CodeUnavailable, Message: "Temporal cannot be reached."}, errors.New("dial 10.1.2.3"))
	for _, test := range []struct {
		ids, failing int
		err          error
		want         string
	}{
		{ids: 0, want: "! Nothing is selected."},
		{ids: 1, want: "✓ Retrying 1 delivery now."},
		{ids: 15, failing: 3, err: disabled, want: "! Retrying 12; 3 could not be: The webhook is disabled."},
		{ids: 2, failing: 2, err: disabled, want: "! Not retried. The webhook is disabled."},
		{ids: 4, failing: 4, err: down, want: "! Not retried. Temporal cannot be reached."},
		{ids: 3, failing: 1, err: errors.New("pq: no 10.1.2.3"), want: "! Retrying 2; 1 could not be: Something went wrong on our side"},
		{ids: 101, want: "! Not retried. At most 100 deliveries"},
	} {
		s := &fakeService{retryErr: test.err, retryFails: func(id string) bool {
			var n int
			_, err := fmt.Sscanf(id, "dlv_%d", &n)
			return err == nil && n < test.failing
		}}
		v := signedIn(t, s)
		form := url.Values{}
		for i := range test.ids {
			form.Add("id", fmt.Sprintf("dlv_%d", i))
		}
		v.post("/console/deliveries/retry", form)
		got := v.get("/console/deliveries")
		assert.True(t, strings.HasPrefix(got.text("#notice p"), test.want), "%q", got.text("#notice p"))
		assert.NotContains(t, got.body, "10.1.2.3")
		assert.Len(t, s.retried, min(test.ids, 100)%100-test.failing, test.want)
	}
}

// When Temporal cannot be reached, each try would wait as long in vain.
func TestRetryingManyGivesUpWithoutTemporal(t *testing.T) {
	t.Parallel()
	tried := 0
	s := &fakeService{
		retryErr:   &webhook.Error{Code: webhook.CodeUnavailable, Message: "Temporal cannot be reached."},
		retryFails: func(string) bool { tried++; return true },
	}
	form := url.Values{}
	for i := range 50 {
		form.Add("id", fmt.Sprintf("dlv_%d", i))
	}
	signedIn(t, s).post("/console/deliveries/retry", form)
	assert.Less(t, tried, 50)
}
