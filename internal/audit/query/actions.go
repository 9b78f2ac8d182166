package query

import "strings"

// Action is something that can happen.
type Action struct {
	Name     string
	Category string   // as the record's
	ToldBy   []string // as the record's: nothing else tells it
	Meaning  string
}

// Actions are all that records tell, in the order of documents.
func Actions() []Action {
	list := []Action{
		{"message.created", "message", []string{"message.created"}, "Somebody sent a message."},
		{"message.edited", "message", []string{"message.updated"}, "A message was changed: by its author, or by an app, as for the preview of a link."},
		{"message.deleted", "message", []string{"message.deleted"}, "A message was deleted. Google tells the class of who did it, never the person."},
		{"reaction.added", "reaction", []string{"reaction.created"}, "Somebody put an emoji on a message."},
		{"reaction.removed", "reaction", []string{"reaction.deleted"}, "Somebody took an emoji back."},
	}
	const created, updated, deleted, listed = "membership.created", "membership.updated", "membership.deleted", "member_list"
	for _, who := range [][2]string{{"member", "A person or an app "}, {"group", "A Google Group "}} {
		for _, m := range []Action{
			{"joined", "member", []string{created, updated, listed}, "became a member of a space. Nothing tells whether somebody else did it."},
			{"left", "member", []string{updated, deleted, listed}, "is no member of a space any more. Nothing tells whether somebody else did it."},
			{"invited", "member", []string{created, updated, listed}, "was invited to a space."},
			{"role_changed", "member", []string{updated, listed}, "has another role in a space."},
			{"listed", "member", []string{listed}, "was found in a list of members: since when is unknown."},
			{"updated", "member", []string{created, updated, deleted, listed}, "is in an event that tells none of these, or what was before is unknown."},
		} {
			m.Name, m.Meaning = who[0]+"."+m.Name, who[1]+m.Meaning
			list = append(list, m)
		}
	}
	return append(list,
		Action{"space.updated", "space", []string{"space.updated"}, "The name or a setting of a space was changed."},
		Action{"space.deleted", "space", []string{"space.deleted"}, "A space was deleted, and with it all memberships."},
		Action{"subscription.suspended", "subscription", []string{"subscription.suspended"},
			"Google stopped delivering the events of a subscription."},
		Action{"subscription.expiring", "subscription", []string{"subscription.expiration_reminder"},
			"Google says that a subscription is about to expire."},
		Action{"subscription.expired", "subscription", []string{"subscription.expired"}, "A subscription has expired."},
		Action{"gap.opened", "gap", []string{"coverage"}, "From here on events were not seen."},
		Action{"gap.ended", "gap", []string{"coverage"}, "From here on events were seen again."},
		Action{"gap.closed", "gap", []string{"coverage"}, "A backfill has fetched what was missed."},
		Action{"gap.acknowledged", "gap", []string{"coverage"}, "A person took note that what was missed can't be fetched."},
		Action{"reactor.sent", "reactor", []string{"reactor"}, "A rule did what it wanted to do."},
		Action{"reactor.failed", "reactor", []string{"reactor"}, "A rule could not do what it wanted to do: a person must look."},
		Action{"reactor.unclear", "reactor", []string{"reactor"}, "Nobody knows whether a rule did what it wanted to do."},
		Action{"reactor.suppressed", "reactor", []string{"reactor"}, "A rule did nothing, for the outcome that the record names. Kept for 60 days; of many that a condition ended, a sample."},
		Action{"reactor.paused", "reactor", []string{"trail"}, "Somebody paused a rule, or all of them."},
		Action{"reactor.resumed", "reactor", []string{"trail"}, "Somebody let a rule, or all of them, go on."},
		Action{"reactor.retried", "reactor", []string{"trail"}, "Somebody had runs tried again."},
		Action{"access.content_viewed", "access", []string{"trail"}, "Somebody was shown what messages say: of one record, or of those that a query matches."},
		Action{"access.text_searched", "access", []string{"trail"}, "Somebody searched for what messages say, and was not shown it."},
		Action{"access.raw_viewed", "access", []string{"trail"}, "Somebody was shown events as they were received."},
		Action{"export.started", "export", []string{"trail"}, "Somebody began to write records, or rows with what messages say, into files."},
		Action{"export.finished", "export", []string{"trail"}, "Such an export is complete."},
		Action{"erasure.started", "erasure", []string{"trail"}, "Somebody began to erase what a person wrote and is called."},
		Action{"erasure.finished", "erasure", []string{"trail"}, "That is erased, as far as the record says."},
		Action{"archive.finished", "archive", []string{"trail"}, "The bytes of a month's events were written to files, and taken out of the database."},
		Action{"policy.changed", "policy", []string{"trail"}, "What is kept, and for how long, was changed."},
	)
}

// ActionsLike are those that a pattern such as message.* stands for.
func ActionsLike(pattern string) (list []Action) {
	for _, a := range Actions() {
		if like(pattern, a.Name) {
			list = append(list, a)
		}
	}
	return list
}

// like reports whether a text is like a pattern, in which each * stands for
// anything.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	last := len(parts) - 1
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, parts[last])
}

// Preset is a query with a name.
type Preset struct{ Name, Query, Meaning string }

// Presets are all that preset: knows.
func Presets() []Preset {
	return []Preset{
		{"deleted-by-another", "action:message.deleted class:* -class:creator -class:app_message_expiry", "messages that somebody else deleted than who wrote them"},
		{"edited-late", "action:message.edited changed:text age:>1h", "texts that were changed over an hour after they were sent"},
		{"joins-today", "action:member.joined created:today", "who joined a space today"},
		{"failed-reactions", "action:reactor.failed", "what rules could not do"},
		{"gaps", "action:gap.*", "what was not seen, and whether it was fetched later"},
	}
}
