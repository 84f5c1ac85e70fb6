package postgres

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Running returns what connects to the named database of the server that another process runs on the data in
// dataDir, as [Server.URL] does in that process; it is empty when none runs.
func Running(dataDir, database string) (string, error) {
	f := filesIn(dataDir)
	pid, err := leftoverPID(f.data)
	if err != nil || pid == 0 {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(f.data, "postmaster.pid"))
	if err != nil {
		return "", fmt.Errorf("look for the running Postgres: %w", err)
	}
	// Its lines are the process, the data, when it started, the port, the directory of sockets, and the address.
	const port, address = 3, 5
	lines := strings.Split(string(text), "\n")
	if len(lines) <= address {
		return "", fmt.Errorf("the Postgres of %s has not started yet; try again", dataDir)
	}
	number, err := strconv.Atoi(strings.TrimSpace(lines[port]))
	if err != nil {
		return "", fmt.Errorf("read the port of the running Postgres: %w", err)
	}
	password, err := readPassword(f.password)
	if err != nil {
		return "", err
	}
	return connectionURL(password, net.JoinHostPort(strings.TrimSpace(lines[address]), strconv.Itoa(number)), database), nil
}

// connectionURL is what connects to a database; it holds the password.
func connectionURL(password, address, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password), Host: address, Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}
