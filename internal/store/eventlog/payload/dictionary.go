package payload

// dictionary is raw content: pieces of the documented payload formats
// (fact sheet §1.4), the most frequent last, where references to it are
// shortest. It is part of what the database holds: never change it. A better
// one gets a new number.
const dictionary = `{"subscription":{"name":"subscriptions/","suspension_reason":"ENDPOINT_PERMISSION_DENIED","expire_time":"2026-` +
	`"spaceReadState":{"name":"users/","lastReadTime":"` +
	`{"space":{"name":"spaces/AAQA","displayName":"","spaceThreadingState":"THREADED_MESSAGES","spaceType":"SPACE","spaceDetails":{"description":""},"spaceHistoryState":"HISTORY_ON"}}` +
	`{"spaces":[{"space":{"memberships":[{"membership":{"reactions":[{"reaction":{"messages":[{"message":{` +
	`"deletionMetadata":{"deletionType":"CREATOR"}}},"deleteTime":"` +
	`"attachment":[{"name":"","contentName":"","contentType":"image/png","attachmentDataRef":{"resourceName":""},"source":"UPLOADED_CONTENT"}]` +
	`"annotations":[{"type":"USER_MENTION","startIndex":0,"length":,"userMention":{"user":{"name":"users/","type":"HUMAN"},"type":"MENTION"}}]` +
	`"clientAssignedMessageId":"client-","threadKey":"","emojiReactionSummaries":[{"emoji":{"unicode":"","reactionCount":1}]` +
	`"emoji":{"customEmoji":{"name":"customEmojis/","uid":"","emojiName":":` +
	`{"membership":{"name":"spaces/AAQA/members/1","state":"NOT_A_MEMBER"}}` +
	`{"membership":{"name":"spaces/AAQA/members/1","state":"INVITED","role":"ROLE_MANAGER","member":{"name":"users/1","type":"BOT"},"createTime":"1970-01-01T00:00:00Z"}}` +
	`{"membership":{"name":"spaces/AAQA/members/1","state":"JOINED","role":"ROLE_MEMBER","member":{"name":"users/1","type":"HUMAN"},"createTime":"2026-01-01T00:00:00Z"}}` +
	`{"reaction":{"name":"spaces/AAQA/messages/x.x/reactions/1.VU5JQ09ERS7wn5GN","user":{"name":"users/1","type":"HUMAN"},"emoji":{"unicode":"👍"}}}` +
	` the and you for that this with have will can please thanks team we are is to of in it on at be a I ` +
	`{"message":{"name":"spaces/AAQA/messages/","sender":{"name":"users/1","type":"HUMAN"},"createTime":"2026-01-01T00:00:00.000000Z","lastUpdateTime":"2026-01-01T00:00:00.000000Z",` +
	`"text":"","formattedText":"","argumentText":"","thread":{"name":"spaces/AAQA/threads/"},"threadReply":true,"space":{"name":"spaces/AAQA"}}}`
