package alerts_test

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mailServer is an SMTP server that takes every mail, but for addresses that are told otherwise.
type mailServer struct {
	net.Listener
	mu      sync.Mutex
	letters []letter
	refused map[string]string // by address
}

// letter is a mail as it came in.
type letter struct {
	from, text string
	to         []string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &mailServer{Listener: listener, refused: map[string]string{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.serve(connection) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return s
}

func (s *mailServer) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	say := func(line string) { _, _ = connection.Write([]byte(line + "\r\n")) }
	say("220 mail.example.com")
	var current letter
	inData := false
	for lines := bufio.NewScanner(connection); lines.Scan(); {
		line := lines.Text()
		verb, rest, _ := strings.Cut(line, ":")
		switch {
		case inData && line == ".":
			inData = false
			s.mu.Lock()
			s.letters = append(s.letters, current)
			s.mu.Unlock()
			current = letter{}
			say("250 taken")
		case inData:
			current.text += line + "\n"
		case strings.EqualFold(verb, "MAIL FROM"):
			current.from = rest
			say("250 ok")
		case strings.EqualFold(verb, "RCPT TO"):
			if answer, ok := s.refused[strings.Trim(rest, "<>")]; ok {
				say(answer)
				continue
			}
			current.to = append(current.to, rest)
			say("250 ok")
		case strings.EqualFold(line, "DATA"):
			inData = true
			say("354 go on")
		case strings.EqualFold(line, "QUIT"):
			say("221 bye")
			return
		default: // EHLO, NOOP, RSET
			say("250 ok")
		}
	}
}

func (s *mailServer) received() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter(nil), s.letters...)
}
