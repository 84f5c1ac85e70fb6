package api

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/durahook/durahook/webhook"
)

// setRateLimit sets the headers that tell a client how much it may still publish
// (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).
func setRateLimit(header http.Header, limit *webhook.RateLimit) {
	header.Set("RateLimit-Policy", fmt.Sprintf(`"publish";q=%d;w=%s`, limit.Quota, seconds(limit.Window)))
	header.Set("RateLimit", fmt.Sprintf(`"publish";r=%d;t=%s`, limit.Remaining, seconds(limit.Reset)))
}

// seconds rounds up to whole seconds, as headers have them.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
