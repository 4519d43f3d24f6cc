-- An invalidation is first aged and later removed: both look for it by this.
CREATE INDEX invalidations_purge ON invalidations (aged_from);
