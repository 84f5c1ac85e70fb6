package alerts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"
)

// Mail is the operator's mail server, through which all accounts' alerts go. Accounts only say to whom.
type Mail struct {
	host     string
	port     int
	from     string // such as "durahook <alerts@example.com>"
	username string
	password string
	implicit bool // TLS from the first byte
	plain    bool // no TLS
}

// ParseMail reads where the mail server is and whom mail is from: smtps://user:password@host:465 speaks TLS from the
// first byte, smtp://user:password@host:587 by STARTTLS, and not without. Mail goes unencrypted to a server on this
// machine, and to others where the address says ?tls=none. The error never holds the password.
func ParseMail(address, from string) (*Mail, error) {
	const submission, submissions = 587, 465
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "smtp" && parsed.Scheme != "smtps" || parsed.Hostname() == "" || strings.Trim(parsed.Path, "/") != "" {
		return nil, errors.New("is not of the form smtp://user:password@host:587 or smtps://user:password@host:465")
	}
	without := parsed.Scheme == "smtp" && parsed.RawQuery == "tls=none"
	if parsed.RawQuery != "" && !without {
		return nil, errors.New("has parameters that mean nothing here; only ?tls=none is known, for smtp://")
	}
	m := &Mail{host: parsed.Hostname(), port: submission, from: from, implicit: parsed.Scheme == "smtps"}
	if m.implicit {
		m.port = submissions
	}
	m.plain = !m.implicit && (without || isThisMachine(m.host))
	if text := parsed.Port(); text != "" {
		if m.port, err = parsePort(text); err != nil {
			return nil, err
		}
	}
	m.username = parsed.User.Username()
	m.password, _ = parsed.User.Password()
	if err := mail.NewMsg().From(from); err != nil {
		return nil, errMailFrom
	}
	return m, nil
}

var errMailFrom = errors.New(`needs --smtp-from, whom mail is from, such as "durahook <alerts@example.com>"`)

func parsePort(text string) (int, error) {
	const bits = 16
	port, err := strconv.ParseUint(text, 10, bits)
	if err != nil || port == 0 {
		return 0, errors.New("has a port that is none")
	}
	return int(port), nil
}

func isThisMachine(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// send sends a message to these addresses.
func (m *Mail) send(ctx context.Context, to []string, message Message) error {
	letter := mail.NewMsg()
	if err := errors.Join(letter.From(m.from), letter.To(to...)); err != nil {
		return &Refused{words: "an e-mail address is not one that mail can be sent to", Permanent: true}
	}
	letter.Subject(message.Title)
	letter.SetMessageIDWithValue(message.ID + "@durahook")
	letter.SetDate()
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // so that nobody's absence is answered
	letter.SetBodyString(mail.TypeTextPlain, message.letter())
	client, err := m.client()
	if err != nil {
		return fmt.Errorf("set up mail: %w", err)
	}
	return explainMail(client.DialAndSendWithContext(ctx, letter))
}

// letter is a message as the text of an e-mail.
func (m Message) letter() string {
	var text strings.Builder
	for _, line := range m.Lines {
		text.WriteString(line.Text + "\n")
		if line.URL != "" {
			text.WriteString(line.Label + ": " + line.URL + "\n")
		}
		text.WriteString("\n")
	}
	if m.More != "" {
		text.WriteString(m.More + "\n\n")
	}
	text.WriteString("-- \nYou get this because somebody has made an alert channel of durahook for this address.\n")
	return text.String()
}

func (m *Mail) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithPort(m.port), mail.WithTimeout(Timeout), mail.WithTLSPolicy(mail.TLSMandatory)}
	switch {
	case m.implicit:
		options = append(options, mail.WithSSL())
	case m.plain:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.username != "" {
		auth := mail.SMTPAuthAutoDiscover
		if m.plain {
			auth = mail.SMTPAuthPlainNoEnc
		}
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(m.username), mail.WithPassword(m.password))
	}
	return mail.NewClient(m.host, options...)
}

// explainMail says what the mail server answered by its code alone: its words name the addresses.
func explainMail(err error) error {
	if err == nil {
		return nil
	}
	var failed *mail.SendError
	var answered *textproto.Error
	var network net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &failed) && failed.ErrorCode() > 0:
		words := fmt.Sprintf("the mail server answered %d", failed.ErrorCode())
		if code := failed.EnhancedStatusCode(); code != "" {
			words += " (" + code + ")"
		}
		return &Refused{words: words, Permanent: !failed.IsTemp()}
	case errors.As(err, &answered):
		return &Refused{words: fmt.Sprintf("the mail server answered %d to --smtp-url", answered.Code)}
	case errors.As(err, &network), errors.As(err, &certificate):
		return err
	default:
		return &Refused{words: "the mail server does not speak TLS or does not take the user name and password of --smtp-url"}
	}
}
