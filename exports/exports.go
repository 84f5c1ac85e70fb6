// Package exports writes events that are about to be deleted, with their deliveries and attempts, to files or to S3, one
// object for each batch. It imports webhook, api/types and api/answers.
package exports

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"

	"github.com/durahook/durahook/webhook"
)

// Bucket is where objects are written to.
type Bucket struct {
	bucket    *blob.Bucket
	directory string // of files; empty for S3
}

// Open opens a bucket. Directories are made; of S3, only what it is told is looked at, so that a worker starts while S3
// cannot be reached.
func Open(ctx context.Context, l *Location) (*Bucket, error) {
	const onlyOurs = 0o700
	b := &Bucket{directory: l.directory}
	var err error
	if l.directory != "" {
		b.bucket, err = fileblob.OpenBucket(l.directory, &fileblob.Options{
			CreateDir: true, DirFileMode: onlyOurs, Metadata: fileblob.MetadataDontWrite,
			NoTempDir: true, // a file is renamed when it is complete, which goes within a disk only
		})
	} else {
		b.bucket, err = new(s3blob.URLOpener).OpenBucketURL(ctx, l.s3)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l, err)
	}
	if l.prefix != "" {
		b.bucket = blob.PrefixedBucket(b.bucket, l.prefix)
	}
	return b, nil
}

// Close gives back what the bucket holds; nil is none.
func (b *Bucket) Close() error {
	if b == nil {
		return nil
	}
	return b.bucket.Close()
}

// Name returns the name of the object with these events, such as "2026-10-27/evt_01k…-5f0c….jsonl.gz". It stands for what
// is in it: the same events make the same object again, unless one of their deliveries has changed since.
func Name(ids []string, changed time.Time) string {
	const told = 8 // bytes of the hash
	hash := sha256.New()
	for _, id := range ids {
		fmt.Fprintln(hash, id)
	}
	fmt.Fprintln(hash, changed.UnixMicro())
	return fmt.Sprintf("%s/%s-%x.jsonl.gz", webhook.IDTime(ids[0]).Format(time.DateOnly), ids[0], hash.Sum(nil)[:told])
}

// about is what lies beside the objects, for whoever comes upon them.
const about = `Events that durahook has exported before it deleted them: one a line, as its API showed them.
They hold payloads, and with them personal data; what "durahook erase" erases is not erased here.
`

// Check writes a short text to the bucket, so that what would keep events from being exported is known at the start.
func (b *Bucket) Check(ctx context.Context) error {
	return b.write(ctx, "README.txt", "text/plain; charset=utf-8", func(into io.Writer) error {
		_, err := io.WriteString(into, about)
		return err
	})
}

// Write writes an object of compressed lines, in whole or not at all, over one of the same name. When it returns nil, the
// object outlives a loss of power.
func (b *Bucket) Write(ctx context.Context, name string, write func(*Lines) error) error {
	return b.write(ctx, name, "application/gzip", func(into io.Writer) error { return compress(into, write) })
}

func (b *Bucket) write(ctx context.Context, name, contentType string, fill func(io.Writer) error) error {
	const onlyOurs = 0o600
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var file *os.File
	object, err := b.bucket.NewWriter(ctx, name, &blob.WriterOptions{
		ContentType: contentType,
		BeforeWrite: func(as func(any) bool) error {
			if !as(&file) {
				return nil // it is in S3
			}
			return file.Chmod(onlyOurs)
		},
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	err = fill(object)
	if err == nil && file != nil {
		err = file.Sync()
	}
	if err != nil {
		cancel() // what is closed now is thrown away
		_ = object.Close()
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := object.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if file != nil {
		return b.keep(filepath.Dir(file.Name()))
	}
	return nil
}

func compress(into io.Writer, write func(*Lines) error) error {
	zipped := gzip.NewWriter(into)
	lines := &Lines{into: zipped}
	if err := write(lines); err != nil {
		return err
	}
	if err := lines.end(); err != nil {
		return err
	}
	return zipped.Close()
}

// keep has the disk keep the names in a directory, and its own.
func (b *Bucket) keep(directory string) error {
	for _, path := range []string{directory, b.directory} {
		opened, err := os.Open(path)
		if err != nil {
			return err
		}
		if err := opened.Sync(); err != nil {
			_ = opened.Close()
			return fmt.Errorf("have the disk keep %s: %w", path, err)
		}
		if err := opened.Close(); err != nil {
			return err
		}
	}
	return nil
}
