package openapitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Handler returns a handler that answers as next does and reports each answer that is not as the document says:
// its status, headers, content type or body. Of a request that was answered with success, the document has to
// admit the request too.
func (d *Document) Handler(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent bytes.Buffer
		request := r.Clone(r.Context())
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &sent), r.Body}
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		request.Body = io.NopCloser(&sent)
		answer := recorder.Result()
		body := recorder.Body.Bytes()
		if err := d.check(request, answer, body); err != nil {
			report(fmt.Errorf("%s %s: %d: %w\n%s", r.Method, r.URL.Path, answer.StatusCode, err, body))
		}
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		_, _ = w.Write(body)
	})
}

// check returns what about an answer is not as the document says.
func (d *Document) check(request *http.Request, answer *http.Response, body []byte) error {
	if answer.StatusCode == http.StatusMovedPermanently && path.Clean(request.URL.Path) != request.URL.Path {
		return nil // the router's answer to a path such as /v1/../v1/events
	}
	isHead := request.Method == http.MethodHead
	if isHead {
		request.Method = http.MethodGet // HEAD is answered like GET, without the body
	}
	route, variables, err := d.router.FindRoute(request)
	if err != nil {
		return d.checkNoRoute(request.Context(), err, answer, body)
	}
	documented := route.Operation.Responses.Status(answer.StatusCode)
	if documented == nil {
		return errors.New("the status is not documented for this operation")
	}
	if err := checkHeaders(documented.Value, answer.Header); err != nil {
		return err
	}
	if len(documented.Value.Content) == 0 && len(body) > 0 {
		return errors.New("there is a body, and the document has none")
	}
	isPage := documented.Value.Content["text/html"] != nil
	if isPage && answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		return errors.New("a page has to be text/html; charset=utf-8")
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: variables, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true,
			ExcludeResponseBody: isHead || isPage,
		},
	}
	if answer.StatusCode < http.StatusMultipleChoices {
		takeForJSON(request.Header)
		request.URL = withoutEmpty(request.URL)
		if err := openapi3filter.ValidateRequest(request.Context(), input); err != nil {
			return fmt.Errorf("the request was taken, but is not as documented: %w", err)
		}
	}
	return openapi3filter.ValidateResponse(request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.StatusCode, Header: answer.Header, Options: input.Options,
		Body: io.NopCloser(bytes.NewReader(body)),
	})
}

// withoutEmpty returns a URL without the query parameters that are empty: they count as left out.
func withoutEmpty(from *url.URL) *url.URL {
	query := from.Query()
	maps.DeleteFunc(query, func(_ string, values []string) bool { return strings.Join(values, "") == "" })
	to := *from
	to.RawQuery = query.Encode()
	return &to
}

// takeForJSON has a body that doesn't say what it is, or says what curl makes it say, be JSON all the same.
func takeForJSON(header http.Header) {
	if is := header.Get("Content-Type"); is == "" || strings.HasPrefix(is, "application/x-www-form-urlencoded") {
		header.Set("Content-Type", "application/json")
	}
}

// checkHeaders looks for headers that a client would not know of. Those that every answer may have are not
// documented one by one.
func checkHeaders(documented *openapi3.Response, header http.Header) error {
	known := []string{
		"Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options", "Content-Security-Policy", "Accept-Ranges",
	}
	for name := range documented.Headers {
		known = append(known, http.CanonicalHeaderKey(name))
	}
	for name := range header {
		if !slices.Contains(known, name) {
			return fmt.Errorf("the header %s is not documented", name)
		}
	}
	return nil
}

// checkNoRoute holds the answer to a request that no operation is for against what the document says of all
// problems. cause says why there is none.
func (d *Document) checkNoRoute(ctx context.Context, cause error, answer *http.Response, body []byte) error {
	want := http.StatusNotFound
	if errors.Is(cause, routers.ErrMethodNotAllowed) {
		want = http.StatusMethodNotAllowed
	}
	if answer.StatusCode != want {
		return fmt.Errorf("no operation is for this request, which is to be answered with %d", want)
	}
	response := openapi3.NewResponse().WithDescription("").WithContent(openapi3.Content{
		"application/problem+json": openapi3.NewMediaType().WithSchemaRef(d.problem),
	})
	operation := &openapi3.Operation{Responses: openapi3.NewResponses(openapi3.WithStatus(want, &openapi3.ResponseRef{Value: response}))}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: &http.Request{Method: http.MethodGet},
			Route:   &routers.Route{Spec: &openapi3.T{OpenAPI: "3.1.0"}, Operation: operation},
		},
		Status: answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
}
