#include <iostream>

#include "accounts.kin.h"
#include "kin/store/store.h"

int main() {
  accounts::Greeting greeting;
  greeting.mutable_user()->set_email("ada@example.com");
  greeting.mutable_group()->set_name("engineers");
  std::cout << greeting.user().email() << " of " << greeting.group().name() << "\n";
}
