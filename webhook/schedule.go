package webhook

import (
	"fmt"
	"strings"
	"time"
)

// MaxGap is the longest gap between two attempts: of a schedule, and that an endpoint may ask for with
// Retry-After.
const MaxGap = 12 * time.Hour

const maxSteps = 50

// Schedule is when a delivery is attempted: each entry is the gap before an attempt, counted from the end
// of the attempt before it (the first: from the start of the delivery).
type Schedule []time.Duration

// DefaultSchedule is six attempts: at once, then after 1 min, 5 min, 30 min, 2 h and 12 h.
func DefaultSchedule() Schedule {
	return Schedule{0, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 12 * time.Hour}
}

// ParseSchedule reads the form "0s,1m,5m,30m,2h,12h". A schedule has 1 to 50 steps of 0 s to 12 h.
func ParseSchedule(text string) (Schedule, error) {
	var schedule Schedule
	for part := range strings.SplitSeq(text, ",") {
		gap, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration; use the form 0s,1m,5m,30m,2h,12h", part)
		}
		if gap < 0 || gap > MaxGap {
			return nil, fmt.Errorf("%s is not between 0s and 12h", part)
		}
		schedule = append(schedule, gap)
	}
	if len(schedule) > maxSteps {
		return nil, fmt.Errorf("%d steps are too many; at most %d", len(schedule), maxSteps)
	}
	return schedule, nil
}

// ParseGaps is the inverse of [Schedule.Strings].
func ParseGaps(gaps []string) (Schedule, error) {
	return ParseSchedule(strings.Join(gaps, ","))
}

// Strings returns each gap in the form that people write: "0s", "1m", "12h".
func (s Schedule) Strings() []string {
	texts := make([]string, len(s))
	for i, gap := range s {
		texts[i] = FormatGap(gap)
	}
	return texts
}

// FormatGap writes a duration without the zero units that time.Duration prints: "5m", not "5m0s".
func FormatGap(gap time.Duration) string {
	text := gap.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
