package draft

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
)

// question asks for the value of a flag that wasn't given.
type question struct {
	flag   string
	text   string
	when   func(*Answers) bool // nil for always
	needed func(*Answers) bool // nil for never: an empty answer will do
}

func questions() []question {
	always := func(*Answers) bool { return true }
	mode := func(m string) func(*Answers) bool { return func(a *Answers) bool { return a.Auth == m } }
	return []question{
		{flag: "project", text: "Google Cloud project of the Chat app", needed: always},
		{flag: "auth", text: "Who subscribes and reads?\n" +
			"  app          the Chat app, which has to be in each space\n" +
			"  user         a person, who gives consent\n" +
			"  impersonate  a person, on whose behalf the service account acts (domain-wide delegation)\nWho"},
		{flag: "token-file", text: "File with the user's consent", when: mode(config.AuthUser), needed: always},
		{flag: "subject", text: "E-mail address of the user", when: mode(config.AuthImpersonate), needed: always},
		{flag: "credentials-file", text: "File of the service account; empty for Application Default Credentials"},
		{flag: "topic", text: "Pub/Sub topic for the events"},
		{flag: "subscription", text: "Pub/Sub subscription for the worker"},
		{flag: "manage-pubsub", text: "Should subscribe-setup apply make them? (no: Terraform does)"},
		{flag: "follow", text: "Watch every space that the Chat app is added to?", when: mode(config.AuthApp)},
		{flag: "watch", text: "What to watch, separated by commas\n" +
			"  spaces/AAQA…  a space         spaces/-               all spaces of the user\n" +
			"  name:Team *   by its name     customers/my_customer  the whole organization, as the Chat app\nWatch",
			needed: func(a *Answers) bool { return !a.Follow }},
		{flag: "names-only", text: "Leave content out of events? Subscriptions then live for 7 days instead of 4 to 24 hours"},
		{flag: "database", text: "Postgres, without a password"},
		{flag: "password-file", text: "File with the password of Postgres; empty for none"},
		{flag: "welcome", text: "Greet people who join?"},
	}
}

var errNoAnswer = errors.New("the answers ended before the questions did")

// interview asks what no flag has answered, again where an answer won't do.
func (a *Answers) interview(ctx context.Context, e *cli.Env, flags *pflag.FlagSet) error {
	for _, q := range questions() {
		flag := flags.Lookup(q.flag)
		if flag.Changed || q.when != nil && !q.when(a) {
			continue
		}
		for text := q.text; ; text = q.text[strings.LastIndexByte(q.text, '\n')+1:] {
			answer, err := ask(ctx, e, text, flag)
			if err != nil {
				return err
			}
			before := complaints(a)
			if answer != "" {
				if err := set(flag, answer); err != nil {
					e.Say("  That won't do: %v", err)
					continue
				}
			}
			news := slices.DeleteFunc(complaints(a), func(c string) bool { return slices.Contains(before, c) })
			for _, c := range news {
				e.Say("  That won't do: %s", c)
			}
			needed := q.needed != nil && q.needed(a) && (flag.Value.String() == "" || flag.Value.String() == "[]")
			if needed {
				e.Say("  This is needed.")
			}
			if len(news) == 0 && !needed {
				break
			}
			if answer != "" {
				if err := set(flag, strings.Trim(flag.DefValue, "[]")); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ask shows a question with the value that stands unless another is given.
func ask(ctx context.Context, e *cli.Env, text string, flag *pflag.Flag) (string, error) {
	value := ""
	switch v := flag.Value.String(); {
	case v == "false":
		value = " [y/N]"
	case v != "" && v != "[]":
		value = " [" + v + "]"
	}
	fmt.Fprintf(e.Err, "%s%s: ", text, value)
	answer, err := e.ReadLine(ctx)
	if err != nil && ctx.Err() == nil {
		err = errNoAnswer
	}
	return answer, err
}

// set gives the flag the value of an answer in words.
func set(flag *pflag.Flag, answer string) error {
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		var items []string
		for item := range strings.SplitSeq(answer, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		return list.Replace(items)
	}
	if flag.Value.Type() != "bool" {
		return flag.Value.Set(answer)
	}
	switch strings.ToLower(answer) {
	case "y", "yes", "true":
		return flag.Value.Set("true")
	case "n", "no", "false":
		return flag.Value.Set("false")
	}
	return errors.New("answer y or n")
}

// complaints are what is wrong with the answers so far; what is missing may
// still come.
func complaints(a *Answers) []string {
	var bad *config.Error
	if !errors.As(check(a.Config()), &bad) {
		return nil
	}
	var list []string
	for _, m := range bad.Mistakes {
		if !strings.Contains(m.Message, " is missing;") {
			list = append(list, m.Message)
		}
	}
	return list
}
