package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/client"
)

// EraseCommand erases a person's data.
type EraseCommand struct {
	Remote      `embed:""`
	Match       string `required:"" help:"A whole value in the data of events, such as a phone number, or the ID of an event or delivery. @FILE reads it, - reads standard input." placeholder:"VALUE"`
	AllAccounts bool   `help:"Erase in every account; with the admin key only."`
	DryRun      bool   `help:"Only count."`
	Yes         bool   `short:"y" help:"Don't ask."`
}

// Run counts what would be erased, erases it once that was confirmed, and says what was erased and what a second search
// found. It fails unless that is nothing.
func (c *EraseCommand) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	match, err := env.contents("match", c.Match)
	if err != nil {
		return err
	}
	accounts := []string{c.Account}
	if c.AllAccounts {
		if accounts, err = s.allAccounts(); err != nil {
			return err
		}
	}
	matching, err := s.countErasable(accounts, match)
	if err != nil {
		return err
	}
	if c.DryRun || len(matching) == 0 {
		if len(matching) == 0 {
			s.note("Nothing matches.")
		}
		return nil
	}
	if err := s.confirm(c.Yes, "Erase these data, for good?"); err != nil {
		return err
	}
	for _, account := range matching {
		if err := s.eraseIn(account, match); err != nil {
			return err
		}
	}
	return nil
}

// allAccounts returns the IDs of all accounts.
func (s *session) allAccounts() (ids []string, err error) {
	const most = 250
	err = s.eachPage(Paging{Limit: most, All: true}, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListAccounts(s.ctx, &types.ListAccountsParams{Limit: limit, Cursor: cursor})
	}, func(page pageOf) (bool, error) {
		accounts, err := entries[types.Account](page)
		for _, account := range accounts {
			ids = append(ids, account.ID)
		}
		return true, err
	})
	return ids, err
}

// countErasable shows what would be erased in accounts, and returns those in which something would be. The account ""
// is the key's own.
func (s *session) countErasable(accounts []string, match string) (matching []string, err error) {
	for _, account := range accounts {
		e, _, err := s.erase(account, match, true)
		if err != nil {
			return nil, err
		}
		if e.Events == 0 {
			continue
		}
		matching = append(matching, account)
		where := ""
		if account != "" {
			where = "Account " + account + ": "
		}
		s.note("%s%s with %s and %s match; open, and to be discarded: %d.", where,
			many(e.Events, "event", "events"), many(e.Deliveries, "delivery", "deliveries"), many(e.Attempts, "attempt", "attempts"), e.Discarded)
	}
	return matching, nil
}

// eraseIn erases until nothing is left that matches.
func (s *session) eraseIn(account, match string) error {
	for {
		e, a, err := s.erase(account, match, false)
		if err != nil {
			return err
		}
		if err := show(s, a, s.erasure); err != nil {
			return err
		}
		switch {
		case e.EventsLeft == 0:
			return nil
		case e.Events == 0:
			return fmt.Errorf("%d events still match and could not be erased", e.EventsLeft)
		}
		s.note("There is more: %d events are left.", e.EventsLeft)
	}
}

func (s *session) erase(account, match string, dryRun bool) (e types.Erasure, a answer, err error) {
	var editors []client.RequestEditorFn
	if account != "" {
		editors = append(editors, func(_ context.Context, r *http.Request) error {
			r.Header.Set("X-Account", account)
			return nil
		})
	}
	b := body{"match": match, "dry_run": dryRun}
	if a, err = s.answer(s.api.EraseWithBody(s.ctx, jsonType, b.reader(), editors...)); err != nil {
		return e, a, err
	}
	if err := json.Unmarshal(a.body, &e); err != nil {
		return e, a, fmt.Errorf("read the answer: %w", err)
	}
	return e, a, nil
}

func (s *session) erasure(e types.Erasure) string {
	f := s.fields().add("Erasure", text(e.ID))
	if e.CreatedAt != nil {
		f.add("Erased", at(*e.CreatedAt))
	}
	return f.add("By", text(e.ErasedBy)).
		add("Events", strconv.Itoa(e.Events)).
		add("Deliveries", strconv.Itoa(e.Deliveries)).
		add("Attempts", strconv.Itoa(e.Attempts)).
		add("Discarded", strconv.Itoa(e.Discarded)).
		add("Second search", "finds "+many(e.EventsLeft, "event", "events")).
		add("Matched hash", text(e.MatchedHash)).String()
}

func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// ErasuresCommand has what can be done with the records of erasures. "erase" makes one.
type ErasuresCommand struct {
	List ErasuresList `cmd:"" help:"List what was erased, when and by whom."`
}

// ErasuresList lists erasures.
type ErasuresList struct {
	Remote `embed:""`
	Paging `embed:""`
}

// Run lists the erasures, newest first.
func (c *ErasuresList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	columns := []column[types.Erasure]{
		{title: "ID", value: func(e types.Erasure) string { return text(e.ID) }},
		{title: "ERASED", value: func(e types.Erasure) string { return clock(e.CreatedAt) }},
		{title: "EVENTS", value: func(e types.Erasure) string { return number(&e.Events) }},
		{title: "DELIVERIES", value: func(e types.Erasure) string { return number(&e.Deliveries) }},
		{title: "ATTEMPTS", value: func(e types.Erasure) string { return number(&e.Attempts) }},
		{title: "LEFT", value: func(e types.Erasure) string { return number(&e.EventsLeft) }},
		{title: "BY", value: func(e types.Erasure) string { return text(e.ErasedBy) }},
		{title: "MATCHED HASH", value: func(e types.Erasure) string { return text(e.MatchedHash) }},
	}
	return list(s, c.Paging, "There are no erasures.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListErasures(env.Ctx, &types.ListErasuresParams{Limit: limit, Cursor: cursor})
	})
}
