-- Every reaction that ever was, as its newest event left it.
SELECT
  resource_id AS reaction_id, REGEXP_EXTRACT(resource_id, '^(.+)/reactions/') AS message_id, space_id,
  MAX(JSON_VALUE(resource, '$.user.name')) AS member_id,
  MAX(JSON_VALUE(resource, '$.user.type')) AS member_type,
  MAX(COALESCE(JSON_VALUE(resource, '$.emoji.unicode'), JSON_VALUE(resource, '$.emoji.customEmoji.emojiName'))) AS emoji,
  MAX(CASE WHEN verb = 'created' THEN event_time END) AS added_at,
  MAX(CASE WHEN verb = 'deleted' THEN event_time END) AS removed_at,
  MAX(CASE WHEN age = 1 THEN verb END) = 'created' AS is_present,
  DATE(MAX(CASE WHEN verb = 'created' THEN event_time END), '${zone}') AS activity_date
FROM (
  SELECT
    resource_id, space_id, verb, event_time, resource,
    ROW_NUMBER() OVER (PARTITION BY resource_id ORDER BY event_time DESC, verb_order DESC, event_id DESC) AS age
  FROM `${events}`
  WHERE kind = 'reaction'
) AS aged
GROUP BY resource_id, space_id
