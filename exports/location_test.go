package exports_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/exports"
)

func TestParseLocation(t *testing.T) {
	t.Parallel()
	for text, shown := range map[string]string{
		"file:///var/lib/durahook/exports":  "file:///var/lib/durahook/exports",
		"file:///exports/":                  "file:///exports",
		"s3://bucket":                       "s3://bucket/",
		"s3://bucket/a/b/?region=eu-west-1": "s3://bucket/a/b/",
		"s3://b?endpoint=https://minio.example.com:9000&use_path_style=true&region=x": "s3://b/",
	} {
		location, err := exports.ParseLocation(text)
		require.NoError(t, err, text)
		require.Equal(t, shown, location.String())
	}
}

func TestParseLocationRefuses(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]string{
		"/var/lib/exports":              "not of the form file:///directory or s3://bucket",
		"gs://bucket":                   "not of the form",
		"s3:///prefix":                  "not of the form",
		"file://exports":                "three slashes",
		"file:///":                      "three slashes",
		"file:///a?b=c":                 "three slashes",
		"file:relative":                 "three slashes",
		"%":                             "is not a URL",
		"s3://b?regoin=eu-west-1":       `parameter "regoin"`,
		"s3://b?region=":                `parameter "region"`,
		"s3://b?region=a&region=b":      `parameter "region"`,
		"s3://AKIA:secret@bucket/":      "AWS_SECRET_ACCESS_KEY",
		"s3://bucket:9000/?region=x":    "holds more than a bucket",
		"s3://b?disable_https=true":     "means nothing here",
		"s3://b?anonymous=true":         "means nothing here",
		"s3://b?prefix=x&region=us-gov": `parameter "prefix"`,
	} {
		_, err := exports.ParseLocation(text)
		require.ErrorContains(t, err, reason, text)
		require.NotContains(t, err.Error(), "secret@")
	}
}
