-- PostgreSQL reads the text of a CHECK anew for every statement that writes to its table: of a rotation's processor time
-- that was a seventh. What is written at every request is held to its form by the one place that writes it, and a row
-- that has none is refused where it is read.
ALTER TABLE refresh_tokens
    DROP CONSTRAINT refresh_tokens_hash_check,
    DROP CONSTRAINT refresh_tokens_predecessor_hash_check,
    DROP CONSTRAINT refresh_tokens_check,
    DROP CONSTRAINT refresh_tokens_check1;
ALTER TABLE authorization_codes DROP CONSTRAINT authorization_codes_hash_check;
ALTER TABLE access_tokens DROP CONSTRAINT access_tokens_hash_check;
