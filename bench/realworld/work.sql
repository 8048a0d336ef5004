-- Inserts, an index, joins, aggregates, text and updates in one file, with rows printed to compare.
PRAGMA journal_mode = DELETE;
PRAGMA synchronous = OFF;
PRAGMA cache_size = 500;
CREATE TABLE item (id INTEGER PRIMARY KEY, shelf INTEGER, name TEXT, weight REAL);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
INSERT INTO item SELECT i, (i * 7919) % 997, 'item-' || (i * 104729 % 1000003), (i % 1000) / 8.0 FROM n;
COMMIT;
CREATE INDEX by_shelf ON item (shelf, weight);
SELECT count(*), sum(weight), min(name), max(name) FROM item;
SELECT shelf, count(*), round(avg(weight), 3) FROM item GROUP BY shelf ORDER BY 3 DESC, 1 LIMIT 5;
SELECT a.shelf, count(*) FROM item a JOIN item b ON a.shelf = b.shelf AND a.weight = b.weight
WHERE a.id < 3000 GROUP BY a.shelf ORDER BY 2 DESC, 1 LIMIT 5;
SELECT count(*) FROM item WHERE name LIKE '%77%' AND substr(name, -1) = '3';
BEGIN;
UPDATE item SET weight = weight * 1.5, name = upper(name) WHERE shelf % 5 = 2;
DELETE FROM item WHERE id % 11 = 3;
COMMIT;
SELECT count(*), round(sum(weight), 3), sum(length(name)) FROM item;
SELECT hex(group_concat(substr(name, 6, 2), '')) FROM (SELECT name FROM item ORDER BY name LIMIT 40);
PRAGMA integrity_check;
VACUUM;
SELECT count(DISTINCT shelf), total(id) FROM item;
