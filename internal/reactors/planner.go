package reactors

// Planner decides what changes ask for. It does no I/O, gives the same answer
// for the same change, and may be used by any number of goroutines.
type Planner interface {
	// Plan returns what the change asks for; usually nothing.
	Plan(Change) Plan
}

// Plan is what a change asks for.
type Plan struct {
	Intents []Intent  // of rules that want a run, or whose condition fails
	Refused []Refusal // of the others that wait for such a change
	Wakes   []Wake    // runs that wait, and may not have to any longer
}

// Wake makes the pending runs of a rule with until look at it: those in a space
// that are about a member, a message or a thread.
type Wake struct {
	Reactor string
	Space   string
	Member  string // "": of nobody
	Message string
	Thread  string
}

// Wakes reports whether a run is one of these.
func (w Wake) Wakes(r *Run) bool {
	return r.Reactor == w.Reactor && r.Space == w.Space &&
		(w.Member != "" && r.Member == w.Member ||
			w.Message != "" && r.Facts.Message.Name == w.Message ||
			w.Thread != "" && r.Facts.Message.Thread == w.Thread)
}

// Asked is a list of rules that changes meet together. There are as many as
// there are kinds of places, and each stays the same while its rules are in force.
type Asked struct{ Rules []AskedRule }

// AskedRule is a rule as evaluations are counted.
type AskedRule struct {
	Reactor string
	Shadow  bool
}

// Refusal tells that the conditions of all rules of a list, but for some, say no
// to a change. It is this short because a thousand rules may refuse each message.
type Refusal struct {
	Asked  *Asked
	Except []int32                 // positions in Asked of those that don't, in order
	Intent func(rule int32) Intent // how the rule at a position refuses it, without steps
}
