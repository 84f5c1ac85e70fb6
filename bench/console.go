package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/durahook/durahook/api/types"
)

// Console measures how long the console's pages take with many deliveries in the database, and how large they are. It
// finds the pages itself: it signs in and follows the links.
type Console struct {
	Deliveries int `help:"How many deliveries to fill the database with, up to 1,000,000." default:"100000"`
	Webhooks   int `help:"How many webhooks they are for." default:"20"`
	Requests   int `help:"How often to ask for each page." default:"50"`
}

// Setup checks the flags.
func (c *Console) Setup() (Setup, error) {
	const mostWebhooks, mostRequests = 1000, 10_000
	switch {
	case c.Deliveries < 1 || c.Deliveries > mostEvents:
		return Setup{}, fmt.Errorf("--deliveries: %d is not between 1 and %d", c.Deliveries, mostEvents)
	case c.Webhooks < 1 || c.Webhooks > mostWebhooks:
		return Setup{}, fmt.Errorf("--webhooks: %d is not between 1 and %d", c.Webhooks, mostWebhooks)
	case c.Requests < 1 || c.Requests > mostRequests:
		return Setup{}, fmt.Errorf("--requests: %d is not between 1 and %d", c.Requests, mostRequests)
	}
	return Setup{}, nil
}

// Run fills the database, looks for pages and measures each.
func (c *Console) Run(ctx context.Context, rig *Rig) (Figures, error) {
	if !rig.System.Own || rig.db == nil {
		return nil, errors.New("bench console fills the database, so it only does that to one that it made itself: run it with the all-in-one program, without --server")
	}
	began := time.Now()
	if err := c.fill(ctx, rig); err != nil {
		return nil, err
	}
	f := ConsoleFigures{Deliveries: c.Deliveries, Webhooks: c.Webhooks, FillS: time.Since(began).Seconds()}
	v, err := rig.newVisitor(ctx)
	if err != nil {
		return nil, err
	}
	pages, err := v.explore(ctx)
	if err != nil {
		return nil, err
	}
	phase := rig.Progress.Phase("asking for pages", len(pages)*c.Requests)
	defer phase.Done()
	for i, page := range pages {
		measured, err := v.measure(ctx, page, c.Requests, func(n int) { phase.Set(i*c.Requests + n) })
		if err != nil {
			return nil, err
		}
		f.Pages = append(f.Pages, measured)
	}
	return f, nil
}

// fill makes webhooks in the account that the console shows, and fills the database with deliveries to them.
func (c *Console) fill(ctx context.Context, rig *Rig) error {
	f := filling{db: rig.db, deliveries: c.Deliveries}
	for n := range c.Webhooks {
		made, err := read[types.Webhook](answer(rig.admin.CreateWebhook(ctx, types.WebhookDefinition{
			Name: fmt.Sprintf("Webhook %d", n+1), URL: rig.receiver.add(newArrivals()), Events: types.Subscriptions{"*"},
		})))
		if err != nil {
			return fmt.Errorf("make webhooks: %w", err)
		}
		f.webhooks = append(f.webhooks, made.ID)
	}
	if err := rig.db.QueryRowContext(ctx, `SELECT account_id FROM webhooks WHERE id = $1`, f.webhooks[0]).Scan(&f.account); err != nil {
		return fmt.Errorf("find the account that the console shows: %w", err)
	}
	phase := rig.Progress.Phase("filling the database", c.Deliveries)
	defer phase.Done()
	return f.run(ctx, phase.Set)
}

// visitor goes through the console as a browser does.
type visitor struct {
	server *url.URL
	http   *http.Client
	assets map[string]int // bytes of each, by path
}

const consolePath = "/console/"

// newVisitor signs in.
func (r *Rig) newVisitor(ctx context.Context) (*visitor, error) {
	server, err := url.Parse(r.System.Server)
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &visitor{server: server, http: &http.Client{Transport: r.http.Transport, Jar: jar, Timeout: r.http.Timeout}, assets: make(map[string]int)}
	form := url.Values{"key": {r.System.AdminKey}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.JoinPath(consolePath, "sign-in").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := v.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("sign in to the console: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // nothing of it is read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("sign in to the console: it answers %s", response.Status)
	}
	return v, nil
}

// get returns the body of a page, and whether it is one for people to see.
func (v *visitor) get(ctx context.Context, page string) (body []byte, isPage bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.server.String()+page, http.NoBody)
	if err != nil {
		return nil, false, err
	}
	response, err := v.http.Do(request)
	if err != nil {
		return nil, false, fmt.Errorf("ask for %s: %w", page, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("ask for %s: durahook answers %s", page, response.Status)
	}
	return body, strings.HasPrefix(response.Header.Get("Content-Type"), "text/html"), err
}

// explore follows links and returns a page of each kind: those that differ only in IDs, in what a filter is set to, and
// in the account are of one kind.
func (v *visitor) explore(ctx context.Context) (pages []string, err error) {
	const most = 60
	waiting := []string{consolePath, "/console/deliveries?status=exhausted", "/console/deliveries?event=call.ended",
		"/console/deliveries?status_code=5xx", "/console/deliveries?q=call_77", "/console/search?q=call_77"}
	known := make(map[string]bool)
	for len(waiting) > 0 && len(pages) < most {
		page := waiting[0]
		waiting = waiting[1:]
		if known[kind(page)] {
			continue
		}
		known[kind(page)] = true
		body, isPage, err := v.get(ctx, page)
		if err != nil {
			return nil, err
		}
		if !isPage {
			continue
		}
		pages = append(pages, page)
		links, _ := v.links(page, body)
		waiting = append(waiting, links...)
	}
	return pages, nil
}

// kind returns what pages of one kind have in common.
func kind(page string) string {
	parsed, err := url.Parse(page)
	if err != nil {
		return page
	}
	path := regexp.MustCompile(`\b[a-z]{3}_[0-9a-z]{26}\b`).ReplaceAllString(parsed.Path, "{id}")
	query := parsed.Query()
	query.Del("account")
	if parameters := sortedKeys(query); len(parameters) > 0 {
		path += "?" + strings.Join(parameters, "&")
	}
	return path
}

// links returns the pages of the console that a page links to, and the files that it is made of.
func (v *visitor) links(page string, body []byte) (pages, files []string) {
	base, err := v.server.Parse(page)
	if err != nil {
		return nil, nil
	}
	tokens := html.NewTokenizer(strings.NewReader(string(body)))
	for tokens.Next() != html.ErrorToken {
		token := tokens.Token()
		for _, attribute := range token.Attr {
			target, err := base.Parse(attribute.Val)
			if err != nil || target.Host != v.server.Host || !strings.HasPrefix(target.Path, consolePath) {
				continue
			}
			switch {
			case token.Data == "a" && attribute.Key == "href" && !strings.Contains(target.Path, "/sign-"):
				pages = append(pages, target.RequestURI())
			case token.Data == "link" && attribute.Key == "href", attribute.Key == "src":
				files = append(files, target.RequestURI())
			}
		}
	}
	return pages, slices.Compact(slices.Sorted(slices.Values(files)))
}

// measure asks for a page again and again.
func (v *visitor) measure(ctx context.Context, page string, requests int, step func(int)) (PageFigures, error) {
	f := PageFigures{Page: kind(page)}
	times := newLatencies()
	for n := range requests {
		began := time.Now()
		body, _, err := v.get(ctx, page)
		if err != nil {
			return f, err
		}
		times.record(time.Since(began))
		f.Bytes = max(f.Bytes, len(body))
		if n == 0 {
			if f.AssetBytes, err = v.weigh(ctx, page, body); err != nil {
				return f, err
			}
		}
		step(n + 1)
	}
	f.Time = times.percentile()
	return f, nil
}

// weigh returns how many bytes the files of a page have, as a browser would get them at its first visit.
func (v *visitor) weigh(ctx context.Context, page string, body []byte) (bytes int, err error) {
	_, files := v.links(page, body)
	for _, file := range files {
		if _, known := v.assets[file]; !known {
			content, _, err := v.get(ctx, file)
			if err != nil {
				return 0, err
			}
			v.assets[file] = len(content)
		}
		bytes += v.assets[file]
	}
	return bytes, nil
}

// ConsoleFigures are what came out.
type ConsoleFigures struct {
	Deliveries int           `json:"deliveries"`
	Webhooks   int           `json:"webhooks"`
	FillS      float64       `json:"fill_s"`
	Pages      []PageFigures `json:"pages"`
}

// PageFigures are those of one kind of page.
type PageFigures struct {
	Page       string     `json:"page"`
	Time       Percentile `json:"time"`        // until the whole page is there
	Bytes      int        `json:"bytes"`       // of the page, not compressed
	AssetBytes int        `json:"asset_bytes"` // of its style sheets, scripts and pictures at the first visit
}

// Show writes the figures for people.
func (f ConsoleFigures) Show(out *Text) {
	const kilobyte = 1024.0
	out.Field("deliveries", "%d to %d webhooks, filled in %.1f s", f.Deliveries, f.Webhooks, f.FillS)
	var labels []string
	var values []float64
	for _, page := range f.Pages {
		labels, values = append(labels, page.Page), append(values, page.Time.P50)
	}
	out.Bars("median time of a page", "ms", labels, values)
	out.Section("each page")
	for _, page := range f.Pages {
		out.Field(page.Page, "\n    %s · %.1f KB, %.1f KB with its files", page.Time,
			float64(page.Bytes)/kilobyte, float64(page.Bytes+page.AssetBytes)/kilobyte)
	}
}
