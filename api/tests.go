package api

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/durahook/durahook/webhook"
)

// maxTest is the most bytes that a request for a test may have.
const maxTest = 4 << 10

// testJSON is how a test of a webhook went, as clients see it.
type testJSON struct {
	DeliveryID      string              `json:"delivery_id"`
	Event           string              `json:"event"`
	PassesFilter    bool                `json:"passes_filter"`
	Outcome         webhook.Outcome     `json:"outcome"`
	StatusCode      *int                `json:"status_code"`
	ResponseTimeMS  int                 `json:"response_time_ms"`
	ResponseHeaders map[string][]string `json:"response_headers"`
	ResponseBody    string              `json:"response_body"`
	Error           *string             `json:"error"`
}

func (a *API) testWebhook(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, maxTest)
	if err != nil {
		return 0, nil, err
	}
	var request webhook.TestRequest
	if len(bytes.TrimSpace(body)) > 0 { // it may be left out
		if err := webhook.DecodeJSON(body, &request); err != nil {
			return 0, nil, err
		}
	}
	result, err := a.service.TestWebhook(r.Context(), accountID, pathID(r), request)
	attempt := result.Attempt
	return http.StatusOK, testJSON{
		DeliveryID: result.Delivery.ID, Event: result.Delivery.Event, PassesFilter: result.PassesFilter,
		Outcome: attempt.Outcome, StatusCode: attempt.StatusCode, ResponseTimeMS: attempt.ResponseTimeMS,
		ResponseHeaders: attempt.ResponseHeaders,
		ResponseBody:    strings.ToValidUTF8(string(attempt.ResponseBody), "\uFFFD"),
		Error:           attempt.Error,
	}, err
}
