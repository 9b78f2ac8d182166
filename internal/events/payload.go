package events

import "time"

// resource reads the resource that the event's type promises into it.
func (r *reader) resource(it *Item) {
	start := r.pos
	var fields int
	switch it.Kind {
	case KindMessage:
		fields = r.messageItem(it)
	case KindMembership:
		fields = r.membershipItem(it)
	case KindReaction:
		fields = r.reactionItem(it)
	case KindSpace:
		fields = r.spaceItem(it)
	case KindSubscription:
		r.subscriptionItem(it, start)
		return
	default:
		fields = r.userStateItem(it)
	}
	switch {
	case r.fail != nil:
	case it.Kind == KindMembership && fields == 0:
		// spaceEvents.list yields this for a member who was removed since (fact
		// sheet §5). There is nothing to record; the caller drops it.
	case it.Resource == "":
		r.failf(ReasonMissingName, start, "item %d, a %s, has no name", it.Ordinal, it.Kind)
	case !validName(it.Kind, it.Resource):
		r.failf(ReasonBadName, start, "item %d, a %s, has a name of another form", it.Ordinal, it.Kind)
	default:
		it.Space = SpaceOf(it.Resource)
	}
}

// Each of the following reads one kind of resource and returns how many fields
// it had. One that has but a name is left out of the item: the payload holds
// names only.

func (r *reader) messageItem(it *Item) int {
	m := &Message{}
	fields := r.message(m)
	it.Resource, it.Actor = m.Name, m.Sender.Name
	if fields > 1 {
		it.Message = m
	}
	return fields
}

func (r *reader) message(m *Message) (fields int) {
	var text, argument span
	for key := range r.fields {
		fields++
		switch string(key) {
		case "name":
			m.Name = r.name()
		case "sender":
			m.Sender = r.user()
		case "createTime":
			m.CreateTime = r.time()
		case "lastUpdateTime":
			m.LastUpdateTime = r.time()
		case "deleteTime":
			m.DeleteTime = r.time()
		case "text":
			text = r.span()
		case "argumentText":
			argument = r.span()
		case "thread":
			m.Thread = r.only("name")
		case "threadReply":
			m.ThreadReply = r.boolean()
		case "clientAssignedMessageId":
			m.ClientAssignedMessageID = r.name()
		case "deletionMetadata":
			m.DeletionType = r.only("deletionType")
		case "attachment":
			m.AttachmentCount = r.length()
		case "slashCommand":
			m.Command = r.command("commandId")
		case "quotedMessageMetadata":
			m.Quoted = r.only("name")
		case "annotations":
			m.Mentions = r.mentions()
		case "spacekeeperErased":
			m.Erased = r.boolean()
		default:
			r.skip()
		}
	}
	if r.fail != nil {
		return fields
	}
	m.Text = r.text(text)
	if r.sameText(text, argument) {
		m.ArgumentText = m.Text // nearly always, and then kept once
	} else {
		m.ArgumentText = r.text(argument)
	}
	return fields
}

func (r *reader) membershipItem(it *Item) int {
	m := &Membership{}
	fields := r.membership(m)
	it.Resource = m.Name
	// A deletion names the member in the membership's name only, if at all.
	if m.Group == "" && m.Member.Name == "" {
		m.Member.Name = MemberUser(m.Name)
	}
	it.Actor = m.Member.Name
	// That much is known of a deletion even if only the name came.
	if it.Verb == VerbDeleted && m.State == "" {
		m.State = MembershipNotAMember
	}
	if fields > 1 || it.Verb == VerbDeleted {
		it.Membership = m
	}
	return fields
}

func (r *reader) membership(m *Membership) (fields int) {
	for key := range r.fields {
		fields++
		switch string(key) {
		case "name":
			m.Name = r.name()
		case "state":
			m.State = MembershipState(r.enum())
		case "role":
			m.Role = r.enum()
		case "member":
			m.Member = r.user()
		case "groupMember":
			m.Group = r.only("name")
		case "affiliation":
			m.Affiliation = r.enum()
		default:
			r.skip()
		}
	}
	return fields
}

func (r *reader) reactionItem(it *Item) int {
	re := &Reaction{}
	fields := r.reaction(re)
	re.Message = MessageOf(re.Name)
	it.Resource, it.Actor = re.Name, re.User.Name
	if fields > 1 {
		it.Reaction = re
	}
	return fields
}

func (r *reader) reaction(re *Reaction) (fields int) {
	for key := range r.fields {
		fields++
		switch string(key) {
		case "name":
			re.Name = r.name()
		case "user":
			re.User = r.user()
		case "emoji":
			r.emoji(re)
		default:
			r.skip()
		}
	}
	return fields
}

func (r *reader) emoji(re *Reaction) {
	for key := range r.fields {
		switch string(key) {
		case "unicode":
			re.Unicode = r.name()
		case "customEmoji":
			r.customEmoji(re)
		default:
			r.skip()
		}
	}
}

func (r *reader) customEmoji(re *Reaction) {
	for key := range r.fields {
		switch string(key) {
		case "name":
			re.CustomName = r.name()
		case "uid":
			re.CustomUID = r.name()
		case "emojiName":
			re.CustomEmojiName = r.name()
		default:
			r.skip()
		}
	}
}

func (r *reader) spaceItem(it *Item) int {
	s := &Space{}
	fields := r.space(s)
	it.Resource = s.Name
	if fields > 1 {
		it.SpaceData = s
	}
	return fields
}

func (r *reader) space(s *Space) (fields int) {
	older := "" // what spaceType was called before it, and still is beside it
	for key := range r.fields {
		fields++
		switch string(key) {
		case "name":
			s.Name = r.name()
		case "displayName":
			s.DisplayName = r.str()
		case "type":
			older = r.enum()
		case "spaceType":
			s.SpaceType = r.enum()
		case "spaceThreadingState":
			s.ThreadingState = r.enum()
		case "spaceHistoryState":
			s.HistoryState = r.enum()
		case "spaceDetails":
			s.Description = r.description()
		default:
			r.skip()
		}
	}
	if s.SpaceType == "" {
		s.SpaceType = map[string]string{"ROOM": "SPACE", "DM": "DIRECT_MESSAGE"}[older]
	}
	return fields
}

func (r *reader) description() (text string) {
	for range r.fields {
		if string(r.key) == "description" {
			text = r.str()
		} else {
			r.skip()
		}
	}
	return text
}

// subscriptionItem reads a lifecycle event's subscription. Google's samples
// have snake_case keys, unlike those of every Chat payload, so both are read.
func (r *reader) subscriptionItem(it *Item, start int) {
	if !r.object() {
		return
	}
	s := &Subscription{}
	for r.nextKey() {
		switch string(r.key) {
		case "name":
			s.Name = r.name()
		case "suspension_reason", "suspensionReason":
			s.SuspensionReason = r.enum()
		case "expire_time", "expireTime":
			s.ExpireTime = r.time()
		default:
			r.skip()
		}
	}
	if s.Name != "" && !validName(KindSubscription, s.Name) {
		r.failf(ReasonBadName, start, "the subscription has a name of another form")
	}
	it.Subscription = s
}

// userStateItem reads a read state or an availability, of which the name is kept.
func (r *reader) userStateItem(it *Item) (fields int) {
	for range r.fields {
		fields++
		if string(r.key) == "name" {
			it.Resource = r.name()
		} else {
			r.skip()
		}
	}
	it.Actor = UserOf(it.Resource)
	return fields
}

func (r *reader) user() (u User) {
	for key := range r.fields {
		switch string(key) {
		case "name":
			u.Name = r.name()
		case "type":
			u.Type = UserType(r.enum())
		case "displayName":
			u.DisplayName = r.str()
		case "email":
			u.Email = r.str()
		case "domainId":
			u.DomainID = r.name()
		default:
			r.skip()
		}
	}
	return u
}

// only reads an object of which one field, a name or a word, is kept.
func (r *reader) only(key string) (value string) {
	for range r.fields {
		if string(r.key) == key {
			value = r.name()
		} else {
			r.skip()
		}
	}
	return value
}

// time reads a time; null and "" are the zero time.
func (r *reader) time() time.Time {
	start := r.pos
	s := r.span()
	if s.start == s.end {
		return time.Time{}
	}
	t, ok := parseTime(r.data[s.start:s.end])
	if !ok {
		r.failf(ReasonBadTime, start, "the value of %q isn't an RFC 3339 time", r.key)
	}
	return t
}
