package postgres

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"
)

const (
	// maxLog bounds the log file; as much again may lie in the file before it (".1").
	maxLog      = 8 << 20
	checkLog    = time.Minute
	excerptSize = 4 << 10
	excerptRows = 10
)

// serverLog is the file that a server writes its log to.
type serverLog struct {
	path  string
	start int64 // where the log of this run begins
	file  *os.File
}

// openLog opens the log for appending. Appending also lets us cut it while Postgres writes.
func openLog(path string) (*serverLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the Postgres log: %w", err)
	}
	l := &serverLog{path: path, file: file}
	if err := l.cut(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the Postgres log: %w", err), file.Close())
	}
	l.start = info.Size()
	return l, nil
}

// cut moves the log to the file before it when it has become long.
func (l *serverLog) cut() error {
	info, err := l.file.Stat()
	if err != nil || info.Size() <= maxLog {
		return err
	}
	older, err := os.OpenFile(l.path+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cut the Postgres log: %w", err)
	}
	_, err = io.Copy(older, io.NewSectionReader(l.file, 0, info.Size()))
	if err = errors.Join(err, older.Close()); err == nil {
		err = l.file.Truncate(0)
	}
	if err != nil {
		return fmt.Errorf("cut the Postgres log: %w", err)
	}
	return nil
}

// keepSmall cuts the log now and then until the server is done.
func (l *serverLog) keepSmall(done <-chan struct{}, logger *slog.Logger) {
	tick := time.NewTicker(checkLog)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if err := l.cut(); err != nil && !errors.Is(err, fs.ErrClosed) {
				logger.Warn("the Postgres log cannot be cut", "error", err)
			}
		}
	}
}

// excerpt is the end of this run's log, ready to be put behind an error message; "" when the log is
// empty or cannot be read, since it only adds to an error that matters more.
func (l *serverLog) excerpt() string {
	file, err := os.Open(l.path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	from := max(info.Size()-excerptSize, l.start)
	if info.Size() < l.start { // it was cut
		from = max(info.Size()-excerptSize, 0)
	}
	b, err := io.ReadAll(io.NewSectionReader(file, from, info.Size()-from))
	if err != nil {
		return ""
	}
	return excerpt(string(b))
}

// excerpt is the last lines of a text, to be put behind an error message.
func excerpt(text string) string {
	rows := strings.Split(strings.TrimSpace(text), "\n")
	if len(rows) == 1 && rows[0] == "" {
		return ""
	}
	rows = rows[max(0, len(rows)-excerptRows):]
	return "; it said:\n  " + strings.Join(rows, "\n  ")
}

func (l *serverLog) close() {
	if l != nil {
		_ = l.file.Close() // Postgres writes to it, not we
	}
}
