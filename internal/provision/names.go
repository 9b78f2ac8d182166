package provision

import "strings"

// Names are the full names of the four resources.
type Names struct {
	Topic                  string // "projects/P/topics/T": what Google Chat publishes to
	Subscription           string // "projects/P/subscriptions/S": what the worker pulls; another project is possible
	DeadLetterTopic        string
	DeadLetterSubscription string // has the id of its topic
}

func (o Options) names() Names {
	return Names{
		Topic:                  o.Topic,
		Subscription:           o.Subscription,
		DeadLetterTopic:        o.DeadLetterTopic,
		DeadLetterSubscription: "projects/" + project(o.DeadLetterTopic) + "/subscriptions/" + id(o.DeadLetterTopic),
	}
}

// project is P of "projects/P/…".
func project(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	project, _, _ := strings.Cut(rest, "/")
	return project
}

// id is the last part of a full name.
func id(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// kind is "topic" or "subscription".
func kind(name string) string {
	if strings.Contains(name, "/topics/") {
		return "topic"
	}
	return "subscription"
}
