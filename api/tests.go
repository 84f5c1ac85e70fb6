package api

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/webhook"
)

// maxTest is the most bytes that a request for a test may have.
const maxTest = 4 << 10

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
	return http.StatusOK, types.WebhookTestResult{
		DeliveryID: result.Delivery.ID, Event: result.Delivery.Event, PassesFilter: result.PassesFilter,
		Outcome: types.Outcome(attempt.Outcome), StatusCode: attempt.StatusCode, ResponseTimeMS: attempt.ResponseTimeMS,
		ResponseHeaders: attempt.ResponseHeaders,
		ResponseBody:    strings.ToValidUTF8(string(attempt.ResponseBody), "\uFFFD"),
		Error:           attempt.Error,
	}, err
}
