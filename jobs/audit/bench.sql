-- The same exact counts without privacy: who was where, by zone and hour, and where the panel lives.
-- One statement of DuckDB over the landing files and the solved geometry; choices by hash() instead of a keyed hash.
WITH contacts AS (
    SELECT imsi, epoch(TRY_CAST(event_time AS TIMESTAMPTZ))::BIGINT AS t, cell_id, event_type, timing_advance
    FROM read_parquet($events, hive_partitioning = false)
    WHERE TRY_CAST(event_time AS TIMESTAMPTZ) >= $window_start::TIMESTAMPTZ
      AND TRY_CAST(event_time AS TIMESTAMPTZ) < $window_end::TIMESTAMPTZ
), decisions AS (
    SELECT regexp_replace(regexp_replace(regexp_replace(msisdn, '[^0-9+]', '', 'g'), '^00', '+'), '^0', '+49') AS msisdn,
           request_id, purpose, decision = 'object' AS objects, epoch(CAST(received_at AS TIMESTAMPTZ))::BIGINT AS r
    FROM read_csv($consent, header = true, all_varchar = true)
    WHERE decision IN ('object', 'withdraw') AND purpose IN ('mobility_statistics', 'all')
    UNION ALL
    SELECT regexp_replace(regexp_replace(regexp_replace(msisdn, '[^0-9+]', '', 'g'), '^00', '+'), '^0', '+49'),
           request_id, 'mobility_statistics', false, epoch(CAST(received_at AS TIMESTAMPTZ))::BIGINT
    FROM read_csv($consent, header = true, all_varchar = true) WHERE decision = 'withdraw' AND purpose = 'all'
), marked AS (
    SELECT *, coalesce(lag(objects) OVER w, false) AS before FROM decisions
    WINDOW w AS (PARTITION BY msisdn, purpose ORDER BY r, objects, request_id)
), objections AS (
    SELECT * FROM (
        SELECT msisdn, objects, r AS since, lead(r) OVER (PARTITION BY msisdn, purpose ORDER BY r, objects, request_id) AS until
        FROM marked WHERE objects <> before
    ) WHERE objects AND (until IS NULL OR until > since)
), lines AS (
    SELECT s.msisdn, s.imsi, s.contract, s.home_zone_id,
           CASE WHEN s.subscriber_id IS NOT NULL AND s.contract IN ('private', 'prepaid')
                THEN 's:' || s.subscriber_id ELSE 'l:' || s.msisdn END AS unit,
           epoch(CAST(s.valid_from AS TIMESTAMPTZ))::BIGINT AS since,
           coalesce(epoch(CAST(s.valid_to AS TIMESTAMPTZ))::BIGINT, 9223372036854775807) AS until,
           EXISTS (SELECT 1 FROM objections o WHERE o.msisdn = s.msisdn AND o.until IS NULL) AS objecting
    FROM subscribers s
), chosen AS (
    SELECT unit, arg_min(msisdn, hash(unit, msisdn)) AS msisdn FROM lines
    WHERE NOT objecting AND contract <> 'm2m'
      AND since < epoch($day_end::TIMESTAMPTZ) AND until > epoch($day_start::TIMESTAMPTZ)
    GROUP BY unit
), admitted AS (
    SELECT l.unit, c.* FROM contacts c
    JOIN lines l ON l.imsi = c.imsi AND c.t >= l.since AND c.t < l.until
    JOIN chosen h ON h.unit = l.unit AND h.msisdn = l.msisdn
    WHERE NOT EXISTS (SELECT 1 FROM objections o WHERE o.msisdn = l.msisdn AND c.t >= o.since AND c.t < o.until)
    UNION ALL
    SELECT 'v:' || c.imsi, c.* FROM contacts c
    WHERE substr(c.imsi, 1, 3) <> '262' AND NOT EXISTS (SELECT 1 FROM lines l WHERE l.imsi = c.imsi)
), steps AS (
    SELECT *, lag(t) OVER w AS t0,
           lag(cell_id) OVER w IS DISTINCT FROM cell_id OR t - lag(t) OVER w > $same_ground AS starts_run,
           lag(t) OVER w IS NOT DISTINCT FROM t AND lag(cell_id) OVER w IS NOT DISTINCT FROM cell_id
             AND lag(event_type) OVER w IS NOT DISTINCT FROM event_type
             AND lag(timing_advance) OVER w IS NOT DISTINCT FROM timing_advance AS is_repeat
    FROM admitted WINDOW w AS (PARTITION BY unit, imsi ORDER BY t, cell_id, event_type, timing_advance)
), numbered AS (
    SELECT *, sum(starts_run::INT) OVER (PARTITION BY unit, imsi ORDER BY t, cell_id, event_type, timing_advance
                                         ROWS UNBOUNDED PRECEDING) AS run_no FROM steps
), runs AS (
    SELECT unit, cell_id, min(t) AS starts, max(t) AS ends, count(*) FILTER (NOT is_repeat) AS contacts,
           sum(timing_advance) FILTER (NOT is_repeat) // count(timing_advance) FILTER (NOT is_repeat) AS advance
    FROM numbered GROUP BY unit, imsi, run_no, cell_id
), located AS (
    SELECT r.*, r.advance // p.ring_steps AS ring, p.centre_x, p.centre_y, p.radius_m,
           sqrt((max(centre_x) OVER back - min(centre_x) OVER back) ** 2
                + (max(centre_y) OVER back - min(centre_y) OVER back) ** 2) <= 2 * max(radius_m) OVER back
           OR sqrt((max(centre_x) OVER ahead - min(centre_x) OVER ahead) ** 2
                + (max(centre_y) OVER ahead - min(centre_y) OVER ahead) ** 2) <= 2 * max(radius_m) OVER ahead AS at_rest
    FROM runs r JOIN read_parquet($positions) p ON p.cell_id = r.cell_id AND p.ring IS NULL
    WINDOW back AS (PARTITION BY unit ORDER BY starts RANGE BETWEEN $stay PRECEDING AND CURRENT ROW),
           ahead AS (PARTITION BY unit ORDER BY starts RANGE BETWEEN CURRENT ROW AND $stay FOLLOWING)
), broken AS (
    SELECT *, lag(starts) OVER w IS NULL OR starts - lag(ends) OVER w > $same_ground
           OR sqrt((centre_x - lag(centre_x) OVER w) ** 2 + (centre_y - lag(centre_y) OVER w) ** 2)
              > 2 * greatest(radius_m, lag(radius_m) OVER w)
           OR (NOT at_rest AND cell_id <> lag(cell_id) OVER w
               AND NOT coalesce(lead(cell_id) OVER w = lag(cell_id) OVER w
                                AND lead(starts) OVER w - lag(ends) OVER w <= $ping_pong, false)
               AND NOT coalesce(cell_id = lag(cell_id, 2) OVER w AND starts - lag(ends, 2) OVER w <= $ping_pong, false))
           OR (at_rest AND NOT lag(at_rest) OVER w) AS breaks
    FROM located WINDOW w AS (PARTITION BY unit ORDER BY starts, ends, cell_id)
), grouped AS (
    SELECT *, sum(breaks::INT) OVER (PARTITION BY unit ORDER BY starts, ends, cell_id ROWS UNBOUNDED PRECEDING) AS group_no
    FROM broken
), places AS (
    SELECT unit, group_no, min(starts) AS starts, max(ends) AS ends,
           arg_max({'cell_id': cell_id, 'ring': ring}, {'s': ends - starts, 'n': contacts, 'c': cell_id}) AS place
    FROM grouped GROUP BY unit, group_no
), shared AS (
    SELECT *, coalesce(greatest(0, least((starts - lag(ends) OVER w) // 2, $gap // 2)), $gap // 2) AS before,
           coalesce(greatest(0, least((lead(starts) OVER w - ends) // 2, $gap // 2)), $gap // 2) AS after
    FROM places WINDOW w AS (PARTITION BY unit ORDER BY starts, group_no)
), homes AS (
    SELECT l.unit, min(l.home_zone_id) AS home_zone_id FROM lines l JOIN chosen h USING (unit, msisdn) GROUP BY ALL
), placed AS (
    SELECT s.unit, starts, ends, before, after, p.is_small, p.site_group, r.ring,
           coalesce(r.quantiles, p.quantiles) AS quantiles,
           list_filter(CASE WHEN r.ring IS NULL THEN p.homes ELSE r.homes END, lambda z: z.zone_id = u.home_zone_id)[1] AS home
    FROM shared s JOIN read_parquet($positions) p ON p.cell_id = s.place.cell_id AND p.ring IS NULL
    LEFT JOIN read_parquet($positions) r ON r.cell_id = s.place.cell_id AND r.ring = s.place.ring
    LEFT JOIN homes u ON u.unit = s.unit
), segments AS (
    SELECT unit, ends - starts >= $stay AS is_stay, is_small,
           greatest(starts - before, epoch($day_start::TIMESTAMPTZ)::BIGINT) // 60 * 60 AS a,
           least(ends + after, epoch($day_end::TIMESTAMPTZ)::BIGINT) // 60 * 60 AS b,
           CASE WHEN hash('home', unit) % 1000000 < home.at_home * 1000000
                THEN quantiles[1 + home['first'] + (hash(unit, site_group, ring) % home.slots)::INT]
                ELSE quantiles[1 + (hash(unit, site_group, ring) % len(quantiles))::INT] END AS tile
    FROM placed
), slices AS (
    SELECT unit, is_stay, is_small, tile, h AS hour,
           least(b, (h + 1) * 3600) - greatest(a, h * 3600) AS seconds
    FROM segments, unnest(generate_series(a // 3600, (b - 1) // 3600)) AS g(h) WHERE a < b
), in_partition AS (
    SELECT unit, hour, z.zone_id, sum(seconds) AS seconds FROM slices s
    LEFT JOIN (SELECT * FROM read_parquet($counted) WHERE role = 'partition') z USING (tile)
    GROUP BY ALL
), at_places AS (
    SELECT unit, hour, z.zone_id, sum(seconds) AS seconds FROM slices s
    JOIN (SELECT * FROM read_parquet($counted) WHERE role = 'place') z USING (tile)
    WHERE is_stay AND (NOT z.small_cells_only OR is_small) GROUP BY ALL
), best AS (
    SELECT 'partition' AS role, unit, hour, arg_max(coalesce(zone_id, ''), seconds) AS zone_id FROM in_partition GROUP BY ALL
    UNION ALL
    SELECT 'place', unit, hour, arg_max(zone_id, seconds) FROM at_places GROUP BY ALL
)
SELECT role, zone_id, hour, count(*) AS persons FROM best WHERE zone_id <> '' GROUP BY ALL
UNION ALL
SELECT 'panel', l.home_zone_id, NULL, count(DISTINCT l.unit) FROM lines l
JOIN chosen h USING (unit, msisdn) SEMI JOIN segments s ON s.unit = l.unit WHERE l.home_zone_id IS NOT NULL GROUP BY ALL
