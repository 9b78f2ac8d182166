package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// TopicName is the full name of the topic, "projects/P/topics/T".
func (c Config) TopicName() string {
	return fullName(c.Project, "topics", c.PubSub.Topic)
}

const deadLetterSuffix = "-dead-letter"

// DeadLetterTopicName is the full name of the topic for messages that can't be
// delivered, "projects/P/topics/T"; by default it is beside the topic.
func (c Config) DeadLetterTopicName() string {
	if c.PubSub.DeadLetterTopic == "" {
		return c.TopicName() + deadLetterSuffix
	}
	return fullName(c.Project, "topics", c.PubSub.DeadLetterTopic)
}

// SubscriptionName is the full name of the Pub/Sub subscription,
// "projects/P/subscriptions/S".
func (c Config) SubscriptionName() string {
	return fullName(c.Project, "subscriptions", c.PubSub.Subscription)
}

func fullName(project, collection, id string) string {
	if strings.HasPrefix(id, "projects/") {
		return id
	}
	return "projects/" + project + "/" + collection + "/" + id
}

// IsLoopback reports whether the URL points to this very machine, so that no
// credentials must be sent to it.
func IsLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.Unmap().IsLoopback()
}
