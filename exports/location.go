package exports

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Location says where a bucket is.
type Location struct {
	directory string   // of files; empty for S3
	s3        *url.URL // without the path
	prefix    string   // of the names in the bucket; empty or ending in a slash
}

// parameters are what may be said of an S3 bucket, beside what the AWS SDK finds in its environment.
func parameters() []string {
	return []string{"region", "endpoint", "use_path_style", "profile", "role", "ssetype", "kmskeyid", "fips", "dualstack", "request_checksum_calculation"}
}

// ParseLocation reads where a bucket is: file:///directory, or s3://bucket/prefix?region=REGION. Credentials for S3 are
// not in it; the AWS SDK finds them.
func ParseLocation(text string) (*Location, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	switch {
	case parsed.Scheme == "file":
		return parseFile(parsed)
	case parsed.Scheme == "s3" && parsed.Host != "":
		return parseS3(parsed)
	default:
		return nil, errors.New("is not of the form file:///directory or s3://bucket/prefix?region=REGION")
	}
}

func parseFile(parsed *url.URL) (*Location, error) {
	directory := filepath.Clean(parsed.Path)
	if parsed.Host != "" || parsed.RawQuery != "" || !filepath.IsAbs(directory) || directory == "/" {
		return nil, errors.New("is not of the form file:///directory: three slashes, an absolute path and nothing more")
	}
	return &Location{directory: directory}, nil
}

func parseS3(parsed *url.URL) (*Location, error) {
	if parsed.User != nil || parsed.Port() != "" {
		return nil, errors.New("holds more than a bucket; give credentials as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or as a role")
	}
	for name, values := range parsed.Query() {
		if !slices.Contains(parameters(), name) || len(values) > 1 || values[0] == "" {
			return nil, fmt.Errorf("has a parameter %q that means nothing here; each of these may be given once: %s", name, strings.Join(parameters(), ", "))
		}
	}
	l := &Location{s3: &url.URL{Scheme: parsed.Scheme, Host: parsed.Host, RawQuery: parsed.RawQuery}}
	if prefix := strings.Trim(parsed.Path, "/"); prefix != "" {
		l.prefix = prefix + "/"
	}
	return l, nil
}

// String returns where the bucket is, without parameters.
func (l *Location) String() string {
	if l.directory != "" {
		return "file://" + l.directory
	}
	return "s3://" + l.s3.Host + "/" + l.prefix
}
