package webhook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// requireCode makes sure that err is a domain error of this kind and returns it.
func requireCode(t *testing.T, code webhook.Code, err error) *webhook.Error {
	t.Helper()
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, code, domain.Code, err.Error())
	return domain
}

// requireFields makes sure that exactly these fields are wrong, each with a detail that contains the given
// words.
func requireFields(t *testing.T, err error, want map[string]string) {
	t.Helper()
	domain := requireCode(t, webhook.CodeInvalid, err)
	var got []string
	for _, field := range domain.Fields {
		got = append(got, field.Pointer)
		words, ok := want[field.Pointer]
		require.True(t, ok, "%s is refused: %s", field.Pointer, field.Detail)
		require.Contains(t, field.Detail, words, field.Pointer)
	}
	require.Len(t, got, len(want), "%v", got)
}
