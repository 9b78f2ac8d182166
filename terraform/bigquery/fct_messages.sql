-- Every message as it is now: its newest version, or that it was deleted, which is
-- final. Who sent it, and in which thread, any of its events tells.
SELECT
  m.message_id, m.space_id, m.member_id, m.sender_type, m.sent_at, DATE(m.sent_at, '${zone}') AS activity_date, m.thread_id,
  CASE WHEN s.is_threaded THEN NOT m.is_reply END AS is_root,
  CASE WHEN s.is_threaded THEN m.is_reply END AS is_reply,
  m.edited_at, m.deleted_at, m.deletion_class, CHAR_LENGTH(m.text) AS characters, m.text
FROM (
  SELECT
    resource_id AS message_id, space_id,
    MAX(JSON_VALUE(resource, '$.sender.name')) AS member_id,
    MAX(JSON_VALUE(resource, '$.sender.type')) AS sender_type,
    MIN(SAFE_CAST(JSON_VALUE(resource, '$.createTime') AS TIMESTAMP)) AS sent_at,
    MAX(JSON_VALUE(resource, '$.thread.name')) AS thread_id,
    -- spaces/S/messages/T.T begins the thread T.
    COALESCE(MAX(REGEXP_EXTRACT(resource_id, '[.]([^.]+)$')) <> MAX(REGEXP_EXTRACT(resource_id, '/messages/([^.]+)')), FALSE) AS is_reply,
    MAX(SAFE_CAST(JSON_VALUE(resource, '$.lastUpdateTime') AS TIMESTAMP)) AS edited_at,
    MIN(CASE WHEN verb = 'deleted' THEN event_time END) AS deleted_at,
    LOWER(REPLACE(MAX(CASE WHEN verb = 'deleted' THEN JSON_VALUE(resource, '$.deletionMetadata.deletionType') END), '_VIA_APP', '')) AS deletion_class,
    -- A name alone tells nothing of the text.
    MAX(CASE WHEN age = 1 AND verb <> 'deleted' AND JSON_VALUE(resource, '$.createTime') IS NOT NULL
      THEN COALESCE(JSON_VALUE(resource, '$.text'), '') END) AS text
  FROM (
    SELECT
      resource_id, space_id, verb, event_time, resource,
      ROW_NUMBER() OVER (
        PARTITION BY resource_id
        ORDER BY
          CASE WHEN verb = 'deleted' THEN 0 ELSE 1 END,
          CASE WHEN JSON_VALUE(resource, '$.createTime') IS NULL THEN 1 ELSE 0 END,
          SAFE_CAST(COALESCE(JSON_VALUE(resource, '$.lastUpdateTime'), JSON_VALUE(resource, '$.createTime')) AS TIMESTAMP) DESC,
          event_time DESC, event_id DESC
      ) AS age
    FROM `${events}`
    WHERE kind = 'message'
  ) AS aged
  GROUP BY resource_id, space_id
) AS m
LEFT JOIN `${dim_spaces}` AS s ON s.space_id = m.space_id
