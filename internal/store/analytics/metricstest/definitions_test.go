package metricstest

import (
	"maps"
	"slices"
	"time"
)

// sameAgain is how far a metric looks back that compares a window with the one before it.
const sameAgain = 1 << 20

// looksBackTo is the first day that a metric looks at.
func (a asker) looksBackTo(back int) day {
	switch {
	case back == sameAgain:
		return a.since - (a.until - a.since)
	case back < 0:
		return min(a.since, a.until+day(back))
	}
	return a.since - day(back)
}

// definitions are the metrics, and how far before the window each looks.
func definitions() map[string]struct {
	back int // days before the window's begin; negative: days before its end
	of   func(asker) answer
} {
	type definition = struct {
		back int
		of   func(asker) answer
	}
	trailing := func(days day, of func(a asker, since, until day) int) definition {
		return definition{-int(days), func(a asker) answer {
			n := of(a, a.until-days, a.until)
			if n == 0 && !(a.coveredDay(a.until-1) > 0) {
				return count(null)
			}
			return count(n)
		}}
	}
	active := func(a asker, since, until day) int { return len(a.active(since, until)) }
	posting := func(a asker, since, until day) int { return len(a.posters(since, until)) }
	per := func(of func(*message) bool) func(asker) answer {
		return func(a asker) answer {
			n, all := 0, 0
			for _, m := range a.messages {
				if a.has(m.space) && a.inside(m.sent) {
					if all++; of(m) {
						n++
					}
				}
			}
			s := share(n, all)
			s.value *= 1000
			return s
		}
	}
	ruled := func(of func(asker) answer) func(asker) answer {
		return func(a asker) answer {
			if !a.ruled() {
				return share(0, 0)
			}
			return of(a)
		}
	}
	return map[string]definition{
		"members": {0, func(a asker) answer {
			if !slices.ContainsFunc(a.stays, func(s *stay) bool { return a.has(s.space) && !s.person.app && s.known.Before(a.to) }) {
				return count(null)
			}
			return count(len(a.members(a.to)))
		}},
		"joins":      {0, func(a asker) answer { return count(len(a.joins())) }},
		"leaves":     {0, func(a asker) answer { return count(len(a.leaves())) }},
		"net_growth": {0, func(a asker) answer { return count(len(a.joins()) - len(a.leaves())) }},
		"churn":      {1, func(a asker) answer { return share(len(a.leaves()), len(a.members(a.from))) }},
		"tenure_at_leave": {0, func(a asker) answer {
			var list []float64
			for _, s := range a.leaves() {
				if !s.joined.IsZero() {
					list = append(list, s.left.Sub(s.joined).Seconds())
				}
			}
			return percentile(list, 0.5)
		}},
		"activation_7d": {0, func(a asker) answer { return a.activation(func(*stay) bool { return true }) }},
		"time_to_first_post": {0, func(a asker) answer {
			var list []float64
			for _, s := range a.joins() {
				first := time.Duration(-1)
				for _, m := range a.messages {
					if m.space == s.space && m.sender == s.person && !m.sent.Before(s.joined) && (s.left.IsZero() || m.sent.Before(s.left)) &&
						(first < 0 || m.sent.Sub(s.joined) < first) {
						first = m.sent.Sub(s.joined)
					}
				}
				if first >= 0 {
					list = append(list, first.Seconds())
				}
			}
			return percentile(list, 0.5)
		}},
		"new_contributors": {90, func(a asker) answer { fresh, _, _ := a.change(); return count(fresh) }},
		"reactivated":      {90, func(a asker) answer { _, back, _ := a.change(); return a.ifSeen(a.since-90, count(back)) }},
		"lost_regulars": {90, func(a asker) answer {
			if a.until-a.since < 28 {
				return count(null)
			}
			_, _, lost := a.change()
			return a.ifSeen(a.since-90, count(lost))
		}},
		"net_active_change": {90, func(a asker) answer {
			if a.until-a.since < 28 {
				return count(null)
			}
			fresh, back, lost := a.change()
			return a.ifSeen(a.since-90, count(fresh+back-lost))
		}},
		"dau": {0, trailing(1, active).of}, "wau": trailing(7, active), "mau": trailing(28, active),
		"posting_1d": {0, trailing(1, posting).of}, "posting_7d": trailing(7, posting), "posting_28d": trailing(28, posting),
		"stickiness": {27, func(a asker) answer {
			sum, days := 0.0, 0
			for d := a.since; d < a.until; d++ {
				now := len(a.active(d, d+1))
				if month := len(a.active(d-27, d+1)); month > 0 && (now > 0 || a.sawAnything(d)) {
					sum += float64(now) / float64(month)
					days++
				}
			}
			if days == 0 {
				return answer{null, null, 0}
			}
			return share(sum, days)
		}},
		"messages": {0, func(a asker) answer { return count(len(a.between(a.since, a.until))) }},
		"messages_app": {0, func(a asker) answer {
			n := 0
			for _, m := range a.messages {
				if a.has(m.space) && m.sender.app && a.inside(m.sent) {
					n++
				}
			}
			return count(n)
		}},
		"messages_per_poster": {0, func(a asker) answer {
			return share(len(a.between(a.since, a.until)), len(a.posters(a.since, a.until)))
		}},
		"median_messages_per_poster": {0, func(a asker) answer {
			var list []float64
			for _, n := range a.posters(a.since, a.until) {
				list = append(list, float64(n))
			}
			return percentile(list, 0.5)
		}},
		"active_spaces": {0, func(a asker) answer {
			spaces := map[*space]bool{}
			for _, m := range a.between(a.since, a.until) {
				spaces[m.space] = true
			}
			return count(len(spaces))
		}},
		"returning_posters": {sameAgain, func(a asker) answer {
			before, n := a.posters(a.since-(a.until-a.since), a.since), 0
			now := a.posters(a.since, a.until)
			for p := range now {
				if before[p] > 0 {
					n++
				}
			}
			return a.ifSeen(a.since-(a.until-a.since), share(n, len(now)))
		}},
		"silent_members": {-28, func(a asker) answer {
			since := a.until - 28
			if since < a.first {
				return count(null)
			}
			active, members, silent := a.active(since, a.until), map[*person]bool{}, 0
			for _, s := range a.stays {
				if a.has(s.space) && !s.person.app && s.known.Before(since.start(a.zone)) && (s.left.IsZero() || !s.left.Before(a.to)) {
					members[s.person] = true
				}
			}
			for p := range members {
				if !active[p] {
					silent++
				}
			}
			return share(silent, len(members))
		}},
		"out_of_hours_share": {0, func(a asker) answer {
			list, n := a.between(a.since, a.until), 0
			for _, m := range list {
				t := m.sent.In(a.zone)
				if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday || t.Hour() < 9 || t.Hour() >= 17 {
					n++
				}
			}
			return share(n, len(list))
		}},
		"top10_share": {0, func(a asker) answer {
			numbers, sum, all := slices.Sorted(maps.Values(a.posters(a.since, a.until))), 0, 0
			slices.Reverse(numbers)
			for i, n := range numbers {
				if all += n; i < 10 {
					sum += n
				}
			}
			return share(sum, all)
		}},
		"reply_coverage": {0, func(a asker) answer {
			n, list := 0, a.threads()
			for _, th := range list {
				if th.answered {
					n++
				}
			}
			return share(n, len(list))
		}},
		"first_response_p50": {0, func(a asker) answer { return a.response(0.5) }},
		"first_response_p90": {0, func(a asker) answer { return a.response(0.9) }},
		"unanswered": {0, func(a asker) answer {
			n, list := 0, a.threads()
			for _, th := range list {
				if !th.answered {
					n++
				}
			}
			if len(list) == 0 {
				return count(null)
			}
			return count(n)
		}},
		"response_by_reaction": {0, func(a asker) answer {
			n, list := 0, a.threads()
			for _, th := range list {
				if !th.answered && th.reacted {
					n++
				}
			}
			return share(n, len(list))
		}},
		"reactions_per_message": {0, func(a asker) answer {
			n := 0
			for _, r := range a.reactions {
				if a.has(r.message.space) && !r.removed && a.inside(r.added) {
					n++
				}
			}
			return share(n, len(a.between(a.since, a.until)))
		}},
		"edit_rate":   {0, per(func(m *message) bool { return m.edited })},
		"delete_rate": {0, per(func(m *message) bool { return m.deleted })},
		"welcome_reach": {0, ruled(func(a asker) answer {
			n, list := 0, a.joins()
			for _, s := range list {
				if _, ok := a.welcome(s); ok {
					n++
				}
			}
			return share(n, len(list))
		})},
		"join_to_welcome_p95": {0, ruled(func(a asker) answer {
			var list []float64
			for _, s := range a.joins() {
				if at, ok := a.welcome(s); ok {
					list = append(list, at.Sub(s.joined).Seconds())
				}
			}
			return percentile(list, 0.95)
		})},
		"welcome_effect_welcomed": {0, ruled(func(a asker) answer {
			return a.activation(func(s *stay) bool { _, ok := a.welcome(s); return ok })
		})},
		"welcome_effect_others": {0, ruled(func(a asker) answer {
			return a.activation(func(s *stay) bool { _, ok := a.welcome(s); return !ok })
		})},
		"coverage": {0, func(a asker) answer {
			sum, days := a.coverage(a.since, a.until)
			return share(sum, days)
		}},
		"event_lag_p50": {0, func(a asker) answer { return percentile(a.lags(), 0.5) }},
		"event_lag_p95": {0, func(a asker) answer { return percentile(a.lags(), 0.95) }},
		"quarantined": {0, func(a asker) answer {
			if a.space != "all" {
				return count(null)
			}
			n := 0
			for _, at := range a.quarantined {
				if a.inside(at) {
					n++
				}
			}
			return count(n)
		}},
	}
}
