package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

// codeMethod stands for a path that is there but doesn't answer this method.
const codeMethod webhook.Code = "method_not_allowed"

// statusOf is the one place that turns kinds of mistakes into HTTP statuses.
func statusOf(code webhook.Code) int {
	switch code {
	case webhook.CodeMalformed:
		return http.StatusBadRequest
	case webhook.CodeInvalid, webhook.CodeKeyReused:
		return http.StatusUnprocessableEntity
	case webhook.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case webhook.CodeUnauthorized:
		return http.StatusUnauthorized
	case webhook.CodeForbidden:
		return http.StatusForbidden
	case webhook.CodeNotFound:
		return http.StatusNotFound
	case webhook.CodeConflict:
		return http.StatusConflict
	case webhook.CodeTooManyRequests:
		return http.StatusTooManyRequests
	case webhook.CodeUnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case webhook.CodeUnavailable:
		return http.StatusServiceUnavailable
	case codeMethod:
		return http.StatusMethodNotAllowed
	default:
		return http.StatusInternalServerError
	}
}

// writeProblem answers with the problem that err is. What isn't the client's mistake is logged and told
// without its cause.
func (a *API) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	var domain *webhook.Error
	switch {
	case errors.As(err, &domain):
	case store.IsOutage(err):
		domain = &webhook.Error{Code: webhook.CodeUnavailable, Message: "The database cannot be reached at the moment; try again."}
	default:
		domain = &webhook.Error{Code: webhook.CodeInternal, Message: "Something went wrong on our side; the log says what."}
	}
	status := statusOf(domain.Code)
	if status >= http.StatusInternalServerError {
		attributes := []any{"method", r.Method, "path", r.URL.Path, "error", err}
		if traceID := traces.ID(traces.Traceparent(traces.FromHeader(r.Context(), r.Header))); traceID != "" {
			attributes = append(attributes, "trace_id", traceID)
		}
		a.log.Error("request failed", attributes...)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "60")
	}
	if domain.RateLimit != nil {
		w.Header().Set("Retry-After", seconds(domain.RateLimit.RetryAfter))
		setRateLimit(w.Header(), domain.RateLimit)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="durahook"`)
	}
	problem := types.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: domain.Message,
		Instance: &r.URL.Path, Code: types.ErrorCode(domain.Code),
	}
	for _, field := range domain.Fields {
		problem.Errors = append(problem.Errors, types.FieldError(field))
	}
	a.writeJSON(w, status, "application/problem+json", problem)
}

func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	a.writeProblem(w, r, &webhook.Error{Code: webhook.CodeNotFound, Message: "There is nothing at this path."})
}

// noMethod answers for a path that the router knows, but not with this method.
func (a *API) noMethod(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if match := new(mux.RouteMatch); router.Match(other, match) && match.MatchErr == nil {
				allowed = append(allowed, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		message := "This path does not answer " + r.Method + ", only " + strings.Join(allowed, " and ") + "."
		a.writeProblem(w, r, &webhook.Error{Code: codeMethod, Message: message})
	})
}
