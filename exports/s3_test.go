package exports_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeS3 takes objects in, and refuses them while it is told to.
type fakeS3 struct {
	mu      sync.Mutex
	refuses bool
	objects map[string][]byte
	keys    []string // whose they are, by the request
}

func (s *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPut {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if s.refuses {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
		return
	}
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body, err = unchunk(body)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.objects[r.URL.Path] = body
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(credential, "/")
	s.keys = append(s.keys, key)
}

// unchunk takes away the signatures that the AWS SDK puts between the pieces of a body.
func unchunk(body []byte) (content []byte, err error) {
	reader := bufio.NewReader(bytes.NewReader(body))
	for {
		head, err := reader.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(head), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n == 0 {
			return content, err
		}
		piece := make([]byte, n+2) // and the end of the line
		if _, err := io.ReadFull(reader, piece); err != nil {
			return nil, err
		}
		content = append(content, piece[:n]...)
	}
}

// TestS3 is not parallel: the AWS SDK reads its credentials from the environment.
func TestS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not to be told")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s3 := &fakeS3{objects: map[string][]byte{}}
	server := httptest.NewServer(s3)
	defer server.Close()
	bucket := open(t, "s3://archive/durahook?region=eu-west-1&use_path_style=true&endpoint="+server.URL)

	require.NoError(t, bucket.Check(t.Context()))
	require.NoError(t, bucket.Write(t.Context(), name, two))
	require.NoError(t, bucket.Write(t.Context(), name, two))
	require.Len(t, s3.objects, 2)
	require.Contains(t, string(s3.objects["/archive/durahook/README.txt"]), "before it deleted them")
	requireTwo(t, bytes.NewReader(s3.objects["/archive/durahook/"+name]))
	require.Equal(t, []string{"AKIATEST", "AKIATEST", "AKIATEST"}, s3.keys)

	s3.refuses = true
	err := bucket.Write(t.Context(), "2026-10-27/evt_3.jsonl.gz", two)
	require.ErrorContains(t, err, "AccessDenied")
	assert.NotContains(t, err.Error(), "not to be told")
	require.ErrorContains(t, bucket.Check(t.Context()), "AccessDenied")
	require.Len(t, s3.objects, 2)
}
