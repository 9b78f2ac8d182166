// Package simulate is a Google Workspace in process: people who write in Chat
// spaces, the Chat API, the Workspace Events API and Pub/Sub, each on its own
// loopback port. Only Google's real client libraries are meant to talk to it.
//
//	people (mutators, [Workspace.Run])      Chat API (REST)
//	                 \                       /
//	                  ▼                     ▼
//	              state of the Workspace, one lock
//	                          │ a change
//	                          ▼
//	     SpaceEvent ─▶ one CloudEvent per subscription ─▶ faults ─▶ Pub/Sub
//	                          ▲
//	             Workspace Events API (REST)
//
// It emits the fields that captures in Google's documentation and in public
// show, and no more. It is never kinder than Google: it enforces quotas, sizes,
// ids, lifetimes and error bodies. Where Google's behaviour isn't documented it
// takes the stricter guess, and a comment says so.
//
// [Workspace.Truth] holds what was published and what the Chat API accepted,
// so that a test or the demo can compare it with what the worker recorded.
//
// # What the caller must do
//
// Create the Pub/Sub topic and subscription, let [ChatPublisher] publish to it
// ([Workspace.CreateTopic] does all three), and then the Workspace Events
// subscriptions, as in a real project: changes made before are never
// delivered. Call [Workspace.Close] at the end.
//
// # Determinism
//
// Names, ids, texts and the order of what people do follow from
// [Options.Seed]. Times follow from [Options.Now]: event ids hold the time, so
// they repeat only if the clock does.
//
// # Concurrency
//
// Everything may be called from several goroutines. Events are published under
// the lock that made the change, so that their order is the order of changes
// unless a fault asks for another. [Options.OnEvent] is called without the
// lock.
package simulate
