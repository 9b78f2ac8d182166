package metricstest

import (
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// edges lets happen what is just inside or just outside of what metrics count, in the
// window of 28 days since a day and in those before it.
func (a *author) edges(s *space, since day) {
	at := func(d day, hour float64) time.Time {
		return (since + d).start(a.zone).Add(time.Duration(hour * float64(time.Hour)))
	}
	somebody := func() *person {
		p := &person{name: fmt.Sprintf("users/2%03d", len(a.people))}
		a.people = append(a.people, p)
		return p
	}
	wrote := func(days ...day) {
		p := somebody()
		for i, d := range days {
			a.say(s, p, nil, at(d, 12+float64(i)/100))
		}
	}
	joined := func(d day, hour float64) *person {
		p := somebody()
		a.enter(s, p, at(d, hour), events.VerbCreated)
		return p
	}
	// Four messages of 90 days make a regular.
	wrote(-50, -50, -50)
	wrote(-90, -50, -50, -50)
	wrote(-91, -50, -50, -50)
	wrote(-160, -159, -158, -77) // in a window of 95 days, whose past is as long
	// Who is back wrote before these 90 days, and not in them.
	wrote(-91, 3)
	wrote(-90, 3)
	// Who has come again wrote in as many days before.
	wrote(-28, 4)
	wrote(-29, 4)
	// The first week ends to the second. Clocks of New York are changed in it.
	a.say(s, joined(15, 10), nil, at(22, 9.99))
	a.say(s, joined(15, 11), nil, at(22, 11.5))
	p := joined(15, 12)
	a.say(s, p, nil, at(15, 11)) // before
	a.say(s, p, nil, at(25, 12))
	p = joined(5, 12)
	a.leave(s, p, at(5, 14))
	a.say(s, p, nil, at(5, 15)) // after
	// Silent are members of 28 days, and those who did nothing in them.
	joined(-1, 23)
	// A rule that only shows what it would do welcomes nobody, and is none.
	a.runs = append(a.runs, run{s.present[joined(0, 1)], "sent", true, at(0, 2)})
	a.say(s, joined(-60, 1), nil, at(-1, 20))
	a.say(s, joined(-60, 2), nil, at(0, 1))
	liking, liked := joined(-60, 3), a.say(s, joined(-60, 4), nil, at(1, 12))
	a.give(&reaction{message: liked, person: joined(-60, 8), emoji: "👍", added: at(2, 12)})
	app := somebody()
	app.app = true
	a.enter(s, app, at(-60, 5), events.VerbCreated)
	other := somebody()
	other.app = true
	a.enter(s, other, at(6, 5), events.VerbCreated)
	a.leave(s, other, at(7, 5))
	a.leave(s, joined(-60, 6), at(10, 1))
	a.leave(s, joined(-60, 7), at(0, 0))
	// Hours of work, on a Tuesday and on a Friday.
	for _, hour := range []float64{8.99, 9.5, 16.99, 17.5, 33.5} {
		a.say(s, liking, nil, at(0, hour))
	}
	a.say(s, liking, nil, at(3, 12))
	a.say(s, liking, nil, at(4, 12))
	// Threads that only an app, the author, or what was deleted answers.
	for i := range 3 {
		root := a.say(s, liking, nil, at(11, 10+float64(i)))
		switch i {
		case 0:
			a.say(s, app, root, at(11, 20))
			r := &reaction{message: root, person: liked.sender, emoji: "👀", added: at(11, 21)}
			a.give(r)
			a.takeBack(r, at(11, 22))
		case 1:
			a.say(s, liking, root, at(11, 20))
		case 2:
			a.drop(a.say(s, liked.sender, root, at(11, 20)), at(11, 21))
		}
	}
	// Five who reply to others in a month are a network, four are none: of 31 days, the
	// first reply comes at its begin. Its author doesn't count, nor what was deleted.
	many := []*person{somebody(), somebody(), somebody(), somebody(), somebody()}
	for month, repliers := range map[day]int{parseDay("2026-08-01"): 5, parseDay("2026-07-01"): 4} {
		root := a.say(s, liked.sender, nil, (month - 1).start(a.zone))
		gone := a.say(s, liked.sender, nil, (month - 1).start(a.zone).Add(time.Hour))
		for i, p := range many[:repliers] {
			a.say(s, p, root, month.start(a.zone).Add(time.Duration(i)*24*time.Hour))
			a.say(s, p, gone, month.start(a.zone).Add(time.Duration(i)*25*time.Hour))
		}
		a.say(s, liked.sender, root, month.start(a.zone).Add(48*time.Hour))
		a.drop(gone, month.start(a.zone).Add(100*time.Hour))
	}
}
