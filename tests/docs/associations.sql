CREATE TABLE "addresses" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "author_id" INTEGER NOT NULL DEFAULT 0,
  "text" TEXT NOT NULL DEFAULT '',
  "_unknown" BLOB,
  FOREIGN KEY ("author_id") REFERENCES "authors" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE TABLE "authors" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "name" TEXT NOT NULL DEFAULT '',
  "_unknown" BLOB
) STRICT;
CREATE TABLE "book_genres" (
  "book_id" INTEGER NOT NULL,
  "genre_id" INTEGER NOT NULL,
  "_unknown" BLOB,
  PRIMARY KEY ("book_id", "genre_id"),
  FOREIGN KEY ("book_id") REFERENCES "books" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY ("genre_id") REFERENCES "genres" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE TABLE "books" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "title" TEXT NOT NULL DEFAULT '',
  "author_id" INTEGER NOT NULL DEFAULT 0,
  "editor_id" INTEGER,
  "sequel_of_id" INTEGER,
  "shelf_code" TEXT,
  "_unknown" BLOB,
  FOREIGN KEY ("author_id") REFERENCES "authors" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY ("editor_id") REFERENCES "authors" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY ("sequel_of_id") REFERENCES "books" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY ("shelf_code") REFERENCES "shelves" ("code") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE TABLE "copies" (
  "book_id" INTEGER NOT NULL,
  "number" INTEGER NOT NULL,
  "_unknown" BLOB,
  PRIMARY KEY ("book_id", "number"),
  FOREIGN KEY ("book_id") REFERENCES "books" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE TABLE "genres" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "name" TEXT NOT NULL DEFAULT '',
  "_unknown" BLOB
) STRICT;
CREATE TABLE "loans" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "book_id" INTEGER,
  "copy_number" INTEGER,
  "_unknown" BLOB,
  FOREIGN KEY ("book_id", "copy_number") REFERENCES "copies" ("book_id", "number") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE TABLE "remarks" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "text" TEXT NOT NULL DEFAULT '',
  "book_id" INTEGER,
  "author_id" INTEGER,
  "_unknown" BLOB,
  FOREIGN KEY ("book_id") REFERENCES "books" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY ("author_id") REFERENCES "authors" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE TABLE "shelves" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "code" TEXT NOT NULL DEFAULT '',
  "_unknown" BLOB
) STRICT;
CREATE UNIQUE INDEX "addresses_author_id_index" ON "addresses" ("author_id");
CREATE INDEX "book_genres_genre_id_index" ON "book_genres" ("genre_id");
CREATE INDEX "books_author_id_index" ON "books" ("author_id");
CREATE INDEX "books_editor_id_index" ON "books" ("editor_id");
CREATE UNIQUE INDEX "books_sequel_of_id_index" ON "books" ("sequel_of_id");
CREATE INDEX "books_shelf_code_index" ON "books" ("shelf_code");
CREATE UNIQUE INDEX "genres_name_index" ON "genres" ("name");
CREATE INDEX "loans_book_id_copy_number_index" ON "loans" ("book_id", "copy_number");
CREATE INDEX "remarks_author_id_index" ON "remarks" ("author_id");
CREATE INDEX "remarks_book_id_index" ON "remarks" ("book_id");
CREATE UNIQUE INDEX "shelves_code_index" ON "shelves" ("code");
