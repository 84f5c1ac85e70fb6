package api_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// The examples of the document are sent to the API as they stand, but for IDs, which are those of things made for
// it, and for names of hosts, which are not looked up in tests. Each gets the answer that the document gives first.
func TestOpenAPIExamplesWork(t *testing.T) {
	t.Parallel()
	for path, item := range parseDocument(t).Paths.Map() {
		for method, operation := range item.Operations() {
			bodies := map[string]string{"as it is": ""}
			if operation.RequestBody != nil {
				for name, example := range operation.RequestBody.Value.Content["application/json"].Examples {
					text, err := json.Marshal(example.Value.Value)
					require.NoError(t, err)
					bodies[name] = string(text)
				}
				if operation.RequestBody.Value.Required {
					delete(bodies, "as it is")
				}
			}
			for name, body := range bodies {
				t.Run(operation.OperationID+" "+name, func(t *testing.T) {
					t.Parallel()
					exampleWorks(t, method, path, item, operation, body)
				})
			}
		}
	}
}

func exampleWorks(t *testing.T, method, path string, item *openapi3.PathItem, operation *openapi3.Operation, body string) {
	t.Helper()
	f := newKeysFixture(t)
	made := f.things(f.account)
	// things has made the event type of the example; it is in nobody's way under another name.
	if operation.OperationID == "createEventType" {
		f.exec(`UPDATE event_types SET name = 'another.type'`)
	}
	if operation.OperationID == "createAccount" {
		f.exec(`UPDATE accounts SET name = 'Another' WHERE id = $1`, f.account)
	}
	fill := func(text string) string {
		text = regexp.MustCompile(`\b[a-z]{3}_01m8[0-9a-z]{22}\b`).ReplaceAllStringFunc(text, func(id string) string { return made[id[:3]] })
		return strings.NewReplacer("login.example.com", "8.8.4.4", "example.com", "8.8.8.8").Replace(text)
	}
	query, headers := url.Values{}, []string{"X-Account", f.account, "Content-Type", "application/json"}
	for _, parameter := range append(operation.Parameters, item.Parameters...) {
		example := parameter.Value.Example
		text, isText := example.(string)
		if !isText {
			number, err := json.Marshal(example)
			require.NoError(t, err)
			text = string(number)
		}
		switch parameter.Value.In {
		case openapi3.ParameterInPath:
			if parameter.Value.Name == "name" && method != "GET" && method != "PATCH" {
				text = made[byName] // a built-in type cannot be deleted
			}
			path = strings.ReplaceAll(path, "{"+parameter.Value.Name+"}", fill(text))
		case openapi3.ParameterInQuery:
			if parameter.Value.Name == "cursor" {
				continue // of which list it is depends on the operation
			}
			query.Set(parameter.Value.Name, fill(text))
		case openapi3.ParameterInHeader:
			headers = append(headers, parameter.Value.Name, text)
		}
	}
	answer := f.do(keysAdminKey, method, path+"?"+query.Encode(), fill(body), headers...)
	want := firstSuccess(t, operation)
	if slices.Contains([]string{"testWebhook", "testAlertChannel", "retryDelivery"}, operation.OperationID) {
		want = 503 // Temporal is down
	}
	require.Equal(t, want, answer.status, answer.text)
}

// firstSuccess returns the status of success of an operation.
func firstSuccess(t *testing.T, operation *openapi3.Operation) int {
	t.Helper()
	for status := 200; status < 300; status++ {
		if operation.Responses.Status(status) != nil {
			return status
		}
	}
	t.Fatal("the document has no success of " + operation.OperationID)
	return 0
}
