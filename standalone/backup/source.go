package backup

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// oldestMajor is the oldest Postgres whose base backups come as they are read here.
const oldestMajor = 15

// source is a Postgres that makes a base backup.
type source struct {
	conn   *pgconn.PgConn // in the mode of a replica
	major  int
	schema int64 // which version of durahook's database a program has to know
}

// open connects to a Postgres, and has it keep its log from now on until the connection is closed.
func open(ctx context.Context, url string) (_ *source, err error) {
	s := new(source)
	if s.schema, err = schemaOf(ctx, url); err != nil {
		return nil, err
	}
	if s.conn, err = pgconn.Connect(ctx, url+"&replication=true"); err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	major, _, _ := strings.Cut(s.conn.ParameterStatus("server_version"), ".")
	if s.major, err = strconv.Atoi(major); err != nil || s.major < oldestMajor {
		s.close(ctx)
		return nil, fmt.Errorf("the data are of Postgres %s; backups need Postgres %d or newer", major, oldestMajor)
	}
	slot := fmt.Sprintf("durahook_backup_%d", s.conn.PID()) // one for each connection, and as long as that
	if _, err := s.conn.Exec(ctx, "CREATE_REPLICATION_SLOT "+slot+" TEMPORARY PHYSICAL RESERVE_WAL").ReadAll(); err != nil {
		s.close(ctx)
		return nil, fmt.Errorf("have Postgres keep its log during the backup: %w", err)
	}
	return s, nil
}

func schemaOf(ctx context.Context, url string) (schema int64, err error) {
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return 0, fmt.Errorf("connect to Postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	results, err := conn.Exec(ctx, `SELECT oldest FROM schema_support`).ReadAll()
	if err != nil {
		return 0, fmt.Errorf("read the version of durahook's database: %w", err)
	}
	return strconv.ParseInt(string(results[0].Rows[0][0]), 10, 64)
}

func (s *source) close(ctx context.Context) {
	_ = s.conn.Close(context.WithoutCancel(ctx)) // nothing was written
}

// copyTo adds the files of Postgres to an archive. The log of what happens meanwhile comes last: with it, a Postgres that
// is started on them has the databases as they were at the end of the backup.
func (s *source) copyTo(ctx context.Context, archive *tar.Writer) error {
	s.conn.Frontend().Send(&pgproto3.Query{String: "BASE_BACKUP (LABEL 'durahook', CHECKPOINT 'fast', WAL, MANIFEST 'no')"})
	if err := s.conn.Frontend().Flush(); err != nil {
		return fmt.Errorf("ask Postgres for a backup: %w", err)
	}
	reader, writer := io.Pipe()
	received := make(chan error, 1)
	go func() {
		err := s.receive(ctx, writer)
		_ = writer.CloseWithError(err) // never fails
		received <- err
	}()
	err := repack(tar.NewReader(reader), archive)
	if err == nil {
		_, err = io.Copy(io.Discard, reader) // what is behind the last entry
	}
	_ = reader.CloseWithError(err) // never fails
	if failed := <-received; failed != nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("copy the databases: %w", err)
	}
	return nil
}

// receive writes the archive that Postgres sends, until it says that the backup is whole.
func (s *source) receive(ctx context.Context, w io.Writer) error {
	const newArchive, data, progress = 'n', 'd', 'p'
	archives := 0
	for {
		message, err := s.conn.ReceiveMessage(ctx)
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *pgproto3.ErrorResponse:
			return pgconn.ErrorResponseToPgError(message)
		case *pgproto3.ReadyForQuery:
			if archives != 1 {
				return fmt.Errorf("postgres sent %d archives, and one was expected", archives)
			}
			return nil
		case *pgproto3.CopyData:
			switch {
			case len(message.Data) == 0:
				err = errors.New("postgres sent an empty message")
			case message.Data[0] == newArchive:
				if archives++; archives > 1 {
					err = errors.New("the databases have a tablespace of their own, which a backup does not copy")
				}
			case message.Data[0] == data:
				_, err = w.Write(message.Data[1:])
			case message.Data[0] != progress:
				err = fmt.Errorf("postgres sent a message %q, which is not known", message.Data[0])
			}
			if err != nil {
				return err
			}
		}
	}
}

// repack copies the entries of an archive into another, below a directory.
func repack(from *tar.Reader, to *tar.Writer) error {
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeDir {
			return fmt.Errorf("%s is neither a file nor a directory", header.Name)
		}
		name := path.Join(postgresEntry, header.Name) //nolint:gosec // a restore refuses what leads out of it
		if header.Typeflag == tar.TypeDir {
			name += "/"
		}
		entry := &tar.Header{Name: name, Mode: header.Mode, Size: header.Size, ModTime: header.ModTime, Typeflag: header.Typeflag}
		if err := to.WriteHeader(entry); err != nil {
			return err
		}
		if _, err := io.Copy(to, from); err != nil {
			return err
		}
	}
}
