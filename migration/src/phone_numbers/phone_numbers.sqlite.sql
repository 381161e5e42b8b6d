-- Change marks count up over both tables: writers on SQLite take turns, so a later change has a higher mark.
CREATE TRIGGER agents_marked_when_inserted AFTER INSERT ON agents
BEGIN
    UPDATE agents SET changed = 1 + max(
        coalesce((SELECT max(changed) FROM agents), 0), coalesce((SELECT max(changed) FROM phone_numbers), 0)
    ) WHERE id = NEW.id;
END;
-- The condition keeps the triggers' own updates from firing them again.
CREATE TRIGGER agents_marked_when_updated AFTER UPDATE ON agents WHEN NEW.changed = OLD.changed
BEGIN
    UPDATE agents SET changed = 1 + max(
        coalesce((SELECT max(changed) FROM agents), 0), coalesce((SELECT max(changed) FROM phone_numbers), 0)
    ) WHERE id = NEW.id;
END;
CREATE TRIGGER phone_numbers_marked_when_inserted AFTER INSERT ON phone_numbers
BEGIN
    UPDATE phone_numbers SET changed = 1 + max(
        coalesce((SELECT max(changed) FROM agents), 0), coalesce((SELECT max(changed) FROM phone_numbers), 0)
    ) WHERE id = NEW.id;
END;
CREATE TRIGGER phone_numbers_marked_when_updated AFTER UPDATE ON phone_numbers WHEN NEW.changed = OLD.changed
BEGIN
    UPDATE phone_numbers SET changed = 1 + max(
        coalesce((SELECT max(changed) FROM agents), 0), coalesce((SELECT max(changed) FROM phone_numbers), 0)
    ) WHERE id = NEW.id;
END;
