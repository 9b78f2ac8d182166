package simulate

import (
	"slices"
	"strings"
)

func (p *people) post(space string) (bool, error) {
	return p.say(space, func(who string) (string, error) { return p.w.Post(space, who, Remark(p.rng)) })
}

func (p *people) answer(space string) (bool, error) {
	i, ok := p.recall(func(m spoken) bool { return m.space == space })
	if !ok {
		return false, nil
	}
	to := p.messages[i].name
	return p.say(space, func(who string) (string, error) { return p.w.Reply(to, who, Answer(p.rng)) })
}

// say lets someone of the space write a message, and remembers it.
func (p *people) say(space string, write func(who string) (string, error)) (bool, error) {
	who, err := p.someone(space)
	if err != nil {
		return true, err
	}
	name, err := write(who)
	if err == nil {
		p.messages = append(p.messages, spoken{name, space, who})
		p.messages = p.messages[max(0, len(p.messages)-memory):]
	}
	return true, err
}

func (p *people) react(space string) (bool, error) {
	i, ok := p.recall(func(m spoken) bool { return m.space == space })
	if !ok {
		return false, nil
	}
	who, err := p.someone(space)
	if err != nil {
		return true, err
	}
	emoji := pick(p.rng, emojis)
	if slices.Contains(p.reactions, reactionName(p.messages[i].name, who, emoji)) {
		return false, nil
	}
	name, err := p.w.React(p.messages[i].name, who, emoji)
	if err == nil {
		p.reactions = append(p.reactions, name)
		p.reactions = p.reactions[max(0, len(p.reactions)-memory):]
	}
	return true, err
}

func (p *people) unreact(string) (bool, error) {
	if len(p.reactions) == 0 {
		return false, nil
	}
	i := p.rng.IntN(len(p.reactions))
	name := p.reactions[i]
	p.reactions = slices.Delete(p.reactions, i, i+1)
	return true, p.w.Unreact(name)
}

func (p *people) edit(space string) (bool, error) {
	i, ok := p.recallOwn(space)
	if !ok {
		return false, nil
	}
	return true, p.w.Edit(p.messages[i].name, Remark(p.rng))
}

func (p *people) remove(space string) (bool, error) {
	i, ok := p.recallOwn(space)
	if !ok {
		return false, nil
	}
	name := p.messages[i].name
	p.messages = slices.Delete(p.messages, i, i+1)
	p.reactions = slices.DeleteFunc(p.reactions, func(r string) bool { return strings.HasPrefix(r, name+"/") })
	return true, p.w.Delete(name)
}

func (p *people) join(space string) (bool, error) {
	return true, p.w.AddMembers(space, p.newcomers(space, 1)...)
}

func (p *people) joinTogether(space string) (bool, error) {
	return true, p.w.AddMembers(space, p.newcomers(space, 2+p.rng.IntN(3))...)
}

func (p *people) leave(space string) (bool, error) {
	members := p.members(space)
	if len(members) < 3 {
		return false, nil
	}
	who := pick(p.rng, members)
	p.left[space] = append(p.left[space], who)
	return true, p.w.RemoveMember(space, who)
}

func (p *people) invite(space string) (bool, error) {
	who := p.newcomers(space, 1)[0]
	p.invited = append(p.invited, [2]string{space, who})
	return true, p.w.Invite(space, who)
}

func (p *people) accept(string) (bool, error) {
	if len(p.invited) == 0 {
		return false, nil
	}
	first := p.invited[0]
	p.invited = p.invited[1:]
	return true, p.w.Accept(first[0], first[1])
}

func (p *people) promote(space string) (bool, error) {
	members := p.members(space)
	if len(members) == 0 {
		return false, nil
	}
	roles := []string{"ROLE_MEMBER", "ROLE_ASSISTANT_MANAGER", "ROLE_MANAGER"}
	return true, p.w.SetRole(space, pick(p.rng, members), pick(p.rng, roles))
}

func (p *people) rename(space string) (bool, error) {
	return true, p.w.RenameSpace(space, pick(p.rng, teams)+" "+pick(p.rng, purposes))
}

// burst is several posts so close together that they come as one event.
func (p *people) burst(space string) (bool, error) {
	return true, p.w.Coalesce(func() error {
		for range 2 + p.rng.IntN(3) {
			if _, err := p.post(space); err != nil {
				return err
			}
		}
		return nil
	})
}
